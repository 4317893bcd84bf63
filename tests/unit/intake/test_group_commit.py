"""Group commit: what arrives together is committed together; each gets their own answer."""

import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from services.intake.group_commit import Accepted, GroupCommitter, Submission
from services.intake.idempotency import Claim
from shared.db.engine import Database
from shared.db.ticket_changes import NewTicket
from shared.domain.clock import SystemClock
from shared.domain.errors import Conflict, Unavailable
from shared.domain.work import ListName
from tests.factories import ATTACHMENT_RULES, ticket_content
from tests.fixtures.modes import Mode
from tests.waiting import DEADLINE_S, eventually, in_threads

pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)


class Counted(Database):
    """A database that counts its transactions and can make the first one wait."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.transactions = 0
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    @contextmanager
    def transaction(self) -> Any:
        self.transactions += 1
        self.entered.set()
        assert self.gate.wait(DEADLINE_S)
        with super().transaction() as tx:
            yield tx


@pytest.fixture
def counted(mode: Mode) -> Any:
    database = Counted(mode.database_url)
    yield database
    database.close()


@pytest.fixture
def rings() -> list[ListName]:
    return []


@pytest.fixture
def committer(counted: Counted, rings: list[ListName]) -> Any:
    made = GroupCommitter(counted, SystemClock(), rings.append, timedelta(days=1), ATTACHMENT_RULES)
    yield made
    made.close()


def submission(key: str | None = None, **content: Any) -> Submission:
    new = NewTicket(ticket_content(**content), "test", "req_1")
    claim = Claim("key_1", "POST /v1/tickets", key, "hash") if key else None
    return Submission(ticket=new, claim=claim)


def document(accepted: Accepted) -> dict[str, Any]:
    return dict(json.loads(accepted.answer.body))


def behind_a_closed_gate(
    counted: Counted, committer: GroupCommitter, submit: Callable[[int], Any], count: int
) -> list[Any]:
    """Hold up a first transaction until `count` others have submitted; return their results."""
    counted.gate.clear()
    counted.entered.clear()
    first = threading.Thread(target=lambda: committer.submit(submission()))
    first.start()
    assert counted.entered.wait(DEADLINE_S)
    opener = threading.Thread(
        target=lambda: (
            eventually(lambda: len(committer._waiting) == count),
            counted.gate.set(),
        )
    )
    opener.start()
    results = in_threads(count, submit)
    first.join()
    opener.join()
    return results


def test_what_arrives_during_a_commit_shares_the_next_one(
    counted: Counted, committer: GroupCommitter
) -> None:
    def submit(_: int) -> Accepted:
        return committer.submit(submission())

    results = behind_a_closed_gate(counted, committer, submit, 60)
    assert counted.transactions == 2
    numbers = {document(result)["number"] for result in results}
    assert numbers == set(range(2, 62))


def test_a_lonely_request_waits_for_nobody(counted: Counted, committer: GroupCommitter) -> None:
    assert document(committer.submit(submission()))["number"] == 1
    assert counted.transactions == 1


def test_hammered_by_threads_every_submission_gets_its_own_ticket(
    counted: Counted, committer: GroupCommitter
) -> None:
    def submit(index: int) -> list[str]:
        subjects = [f"{index}.{number}" for number in range(20)]
        answers = [committer.submit(submission(subject=subject)) for subject in subjects]
        assert [document(answer)["subject"] for answer in answers] == subjects
        return [document(answer)["id"] for answer in answers]

    ids = [id_ for each in in_threads(32, submit) for id_ in each]
    assert len(set(ids)) == 640
    assert counted.transactions < 640


def test_the_one_that_cannot_be_stored_fails_alone(
    counted: Counted, committer: GroupCommitter
) -> None:
    committer.submit(submission(external_id="taken"))

    def submit(index: int) -> Any:
        name = "taken" if index == 3 else None
        try:
            return committer.submit(submission(external_id=name))
        except Conflict as error:
            return error

    counted.transactions = 0
    results = behind_a_closed_gate(counted, committer, submit, 10)
    assert [isinstance(each, Accepted) for each in results].count(True) == 9
    assert isinstance(results[3], Conflict)


def test_the_same_key_twice_in_one_batch_is_one_ticket(
    counted: Counted, committer: GroupCommitter
) -> None:
    def submit(_: int) -> Accepted:
        return committer.submit(submission(key="k1"))

    results = behind_a_closed_gate(counted, committer, submit, 10)
    assert len({document(result)["id"] for result in results}) == 1
    assert [result.replayed for result in results].count(False) == 1


def test_only_a_new_ticket_rings(committer: GroupCommitter, rings: list[ListName]) -> None:
    committer.submit(submission(key="k1"))
    eventually(lambda: ListName.ROUTING in rings)
    before = len(rings)
    assert committer.submit(submission(key="k1")).replayed
    committer.submit(submission())
    eventually(lambda: len(rings) > before)
    assert rings.count(ListName.ROUTING) == 2


def test_after_closing_nothing_is_taken(committer: GroupCommitter) -> None:
    committer.submit(submission())
    committer.close()
    with pytest.raises(Unavailable):
        committer.submit(submission())
