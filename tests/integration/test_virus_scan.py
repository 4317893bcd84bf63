"""The virus scan: what waits for it or failed it is not served, and a scanner that is away returns.

The scanner is a real server that speaks the protocol of clamd.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.intake.attachments.clamd import Clamd, ScanFailed
from services.intake.attachments.scanning import REST, ScanAttachments
from shared.db.models import Attachment
from shared.domain.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.domain.work import WorkState
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.attaching import attached, listed, uploaded
from tests.clamd import VIRUS, Scanner
from tests.desk import Desk
from tests.factories import NOW
from tests.problems import assert_problem
from tests.rows import rows
from tests.waiting import eventually


@pytest.fixture
def scanner() -> Iterator[Scanner]:
    made = Scanner()
    yield made
    made.close()


@dataclass(frozen=True, slots=True)
class Surgery:
    """A desk with a scanner, a clock and the list `scanning`, both moved by hand."""

    desk: Desk
    runtime: Runtime
    clock: ManualClock
    scan: ScanAttachments
    ticket_id: str

    def row(self) -> dict[str, Any]:
        [found] = rows(self.runtime.database, Attachment)
        return found


@pytest.fixture
def surgery(
    scanner: Scanner,
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    new_app: Callable[..., Any],
    token: str,
) -> Surgery:
    clock = ManualClock(NOW)
    runtime = new_runtime(replace(settings, clamd_url=scanner.url), clock)
    desk = Desk(new_app(runtime), token)
    clamd = Clamd(scanner.url, 5.0)
    scan = ScanAttachments(runtime.database, clock, runtime.storage, clamd)
    return Surgery(desk, runtime, clock, scan, desk.ticket()["id"])


def test_a_file_is_served_once_the_scan_found_nothing(surgery: Surgery, scanner: Scanner) -> None:
    [found] = attached(surgery.desk, surgery.ticket_id, ("a.txt", b"harmless" * 100_000))
    assert found["state"] == "pending"
    assert_problem(surgery.desk.call("GET", found["url"]), 409, "not-scanned-yet")
    assert surgery.scan() == 1
    assert scanner.scanned == [b"harmless" * 100_000]
    assert listed(surgery.desk, surgery.ticket_id)[0]["state"] == "clean"
    with surgery.desk.call("GET", found["url"]) as response:
        assert response.status_code == 200
    assert surgery.scan() == 0


def test_an_infected_file_is_never_served(surgery: Surgery) -> None:
    [found] = attached(surgery.desk, surgery.ticket_id, ("a.txt", b"x" + VIRUS))
    surgery.scan()
    assert listed(surgery.desk, surgery.ticket_id)[0]["state"] == "infected"
    body = assert_problem(surgery.desk.call("GET", found["url"]), 403, "infected")
    assert body["finding"] == "Eicar-Test-Signature"
    assert surgery.desk.call("DELETE", f"/v1/attachments/{found['id']}").status_code == 204


def test_a_link_is_not_scanned_and_an_upload_is(surgery: Surgery, scanner: Scanner) -> None:
    link = {"kind": "link", "url": "https://example.com/"}
    surgery.desk.ok("POST", f"/v1/tickets/{surgery.ticket_id}/attachments", link)
    assert surgery.scan() == 0
    upload = uploaded(surgery.desk, "a.txt", b"abc")
    assert surgery.scan() == 0
    ticket = surgery.desk.ticket(attachments=[upload])
    assert surgery.scan() == 1
    assert listed(surgery.desk, ticket["id"])[0]["state"] == "clean"
    assert scanner.scanned == [b"abc"]


def test_a_scanner_that_is_away_costs_a_file_no_attempt(surgery: Surgery, scanner: Scanner) -> None:
    attached(surgery.desk, surgery.ticket_id, ("a.txt", b"abc"))
    scanner.mute = True
    for _ in range(10):
        assert surgery.scan() == 1
        assert surgery.scan() == 0
        row = surgery.row()
        assert (row["state"], row["attempts"], row["work_state"]) == ("pending", 0, "ready")
        assert "away" in row["last_error"]
        surgery.clock.advance(REST)
    scanner.mute = False
    surgery.scan()
    assert surgery.row()["state"] == "clean"


def test_a_file_that_the_scanner_refuses_is_given_up_and_stays_unserved(
    surgery: Surgery, scanner: Scanner
) -> None:
    [found] = attached(surgery.desk, surgery.ticket_id, ("a.txt", b"x" * 1_000_000))
    scanner.limit = 1000
    for _ in range(6):
        assert surgery.scan() == 1
        surgery.clock.advance(timedelta(hours=1))
    assert surgery.scan() == 0
    row = surgery.row()
    assert row["work_state"] is WorkState.DEAD
    assert "size limit" in row["last_error"]
    assert_problem(surgery.desk.call("GET", found["url"]), 409, "not-scanned-yet")


def test_a_scan_that_comes_back_after_its_lease_changes_nothing(surgery: Surgery) -> None:
    attached(surgery.desk, surgery.ticket_id, ("a.txt", b"abc"))
    late, inner = surgery.scan, surgery.scan._scan
    other = ScanAttachments(
        surgery.runtime.database, surgery.clock, surgery.runtime.storage, late._clamd
    )

    class Slow(ScanAttachments):
        def _scan(self, clamd: Clamd, row: Any) -> dict[str, Any]:
            surgery.clock.advance(timedelta(hours=1))
            other()
            return {**inner(clamd, row), "state": "infected"}

    Slow(surgery.runtime.database, surgery.clock, surgery.runtime.storage, late._clamd)()
    assert surgery.row()["state"] == "clean"


def test_a_file_is_scanned_by_itself_soon_after_it_was_attached(
    scanner: Scanner,
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    new_app: Callable[..., Any],
    start_host: Callable[..., WorkerHost],
    token: str,
) -> None:
    runtime = new_runtime(replace(settings, clamd_url=scanner.url))
    desk = Desk(new_app(runtime), token)
    start_host(runtime, ("intake",), 1)
    ticket = desk.ticket(attachments=[uploaded(desk, "a.txt", b"abc")])
    attached(desk, ticket["id"], ("b.txt", VIRUS))
    states = eventually(lambda: _settled(listed(desk, ticket["id"])))
    assert states == ["clean", "infected"]


def _settled(found: list[dict[str, Any]]) -> list[str]:
    states = [each["state"] for each in found]
    return [] if "pending" in states else states


def test_the_scanner_is_reached_by_a_unix_socket_too(tmp_path: Path) -> None:
    scanner = Scanner(tmp_path / "clamd.sock")
    try:
        clamd = Clamd(scanner.url, 5.0)
        assert clamd.scan([b"abc", VIRUS]) == "Eicar-Test-Signature"
        assert clamd.scan([b"abc"]) is None
        assert clamd.scan([]) is None
        scanner.limit = 2
        with pytest.raises(ScanFailed, match="size limit"):
            clamd.scan([b"abc"])
    finally:
        scanner.close()
    with pytest.raises(Unavailable, match="away"):
        clamd.scan([b"abc"])
