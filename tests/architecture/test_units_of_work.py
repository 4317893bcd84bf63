"""Views write by their unit of work alone, so that each answer is remembered with its effect."""

import ast
import re

import pytest

from services.intake.api.audited import ACTS
from shared.domain.rate import RateClass
from tests.architecture.test_structure import ROOT
from tests.desk import Desk

API = ROOT / "services" / "intake" / "api"

#: Who may open a transaction: the unit of work itself, the look for a remembered answer, a content
#: that goes by its token, and the note that a key was used.
OPENERS = {"change.py", "replays.py", "uploads.py", "auth.py"}

#: Operations that write without `change()`, and why.
OTHERWISE = {
    "create_tickets": "each line is written with its key, and a job with its own",
    "create_ticket": "the group committer writes it, with its key",
    "explain": "changes nothing: its question is a row of the router's",
    "merge_requester": "many bounded transactions; once more does no harm",
    "erase_requester_data": "many bounded transactions; once more does no harm",
    "put_upload": "a content is kept by its token and hash; once more does no harm",
    "attach": "by `_attach_files` or `_attach_link`, which have one",
}


def test_only_the_unit_of_work_opens_transactions_in_views() -> None:
    found = {
        path.name for path in API.glob("*.py") if re.search(r"\.transaction\(", path.read_text())
    }
    assert found <= OPENERS


def test_every_view_that_writes_has_a_unit_of_work() -> None:
    without = set()
    for path in API.glob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef):
                continue
            decorators = " ".join(ast.unparse(each) for each in node.decorator_list)
            if re.search(r"methods=\['(POST|PUT|PATCH|DELETE)'\]", decorators) and not re.search(
                r"\bchange\(\)", ast.unparse(node)
            ):
                without.add(node.name)
    assert without == set(OTHERWISE)


#: Operations that write and are the daily work of a desk, no administration. One that is new is
#: either here, in `ACTS`, or notes its act itself.
DAILY_WORK = {
    *("agents.set_presence", "tickets.create_ticket", "tickets.update_ticket"),
    *("assignment.answer_offer", "assignment.assign_ticket", "assignment.transfer_ticket"),
    *("attachments.attach", "attachments.delete_attachment", "comments.add_comment"),
    *("bulk.create_tickets", "jobs.cancel_job", "external_ids.put_ticket_by_external_id"),
    *("life.document_resolution", "life.rate_ticket", "life.transition_ticket"),
    *("life.verify_ticket", "links.add_follow_up", "links.add_link", "links.delete_link"),
    *("links.merge_ticket", "explain.explain", "uploads.create_upload", "uploads.put_upload"),
    *("mail.put_agent_preferences", "mail.put_requester_preferences", "mail.take_bounce"),
    *("requesters.create_requester", "requesters.update_requester"),
}
NOTED_THEMSELVES = {"requesters.merge_requester", "requesters.erase_requester_data"}


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_every_operation_that_writes_is_daily_work_or_in_the_audit_log(desk: Desk) -> None:
    writing = {
        rule.endpoint
        for rule in desk.app.url_map.iter_rules()
        if rule.rule.startswith("/v1/") and (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    assert set(ACTS) <= writing
    assert writing - set(ACTS) == DAILY_WORK | NOTED_THEMSELVES


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_every_class_of_operations_has_a_limit_of_its_own(desk: Desk) -> None:
    assert set(desk.app.extensions["patchbay"].rate_limits._limits) == set(RateClass)
