"""The outcomes that the API names are those that the code can write, and no others."""

from typing import get_args

from services.notifier.channels.base import Outcome, Postponed
from shared.domain.mail_report import read_report
from shared.domain.outcome_name import AttemptOutcome, outcome_name
from shared.schemas.delivery import AttemptSchema
from tests.mail_reports import bounce, complaint


def test_the_api_names_every_outcome_that_can_be_written() -> None:
    tries = {each.__name__ for each in get_args(Outcome) if each is not Postponed}
    reports = [
        read_report(content).outcome
        for content in (bounce(), bounce(action="delayed"), bounce(action="relayed"), complaint())
    ]
    written = tries | {each.kept for each in reports if each is not None}
    assert written == {each.kept for each in AttemptOutcome}
    named = AttemptSchema().fields["outcome"].metadata["enum"]
    assert sorted(named) == sorted(outcome_name(each) for each in written)
