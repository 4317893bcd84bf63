"""A backup taken under load and restored: it is sound, and work goes on where it was."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from deploy.local import Servers
from deploy.local.programs import postgres_programs
from shared.db.engine import Database
from shared.db.models import Ticket, TicketEvent
from shared.db.models.base import table
from shared.domain.ticket import TicketStatus
from shared.waiting import wait_until
from tests.faults.conftest import Note, new_database
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.modes import standalone
from tests.faults.processes import run_command
from tests.faults.proof import prove

TICKETS, INTERVAL_S, PATIENCE_S = 40, 0.01, 30.0
#: How long the subscriber thinks: something is on its way at any moment.
PAUSE_S = 0.2

pytestmark = pytest.mark.xdist_group("faults-scale")


def test_a_dump_of_postgresql_is_sound_and_work_goes_on_from_it(
    desk: Desk, servers: Servers, tmp_path: Path, seed: int, note: Note
) -> None:
    programs, dump = postgres_programs(), tmp_path / "patchbay.dump"
    restored = new_database(servers, template=None)

    def take() -> None:
        _run(programs / "pg_dump", "--format=custom", f"--file={dump}", _plain(desk.database_url))

    def restore() -> None:
        options = ("--no-owner", "--exit-on-error")
        _run(programs / "pg_restore", *options, f"--dbname={_plain(restored)}", dump)

    lose_and_restore(Run(desk, seed), take, restore, restored, note)


def test_a_copy_of_sqlite_is_sound_and_work_goes_on_from_it(
    tmp_path: Path, seed: int, note: Note
) -> None:
    copy = tmp_path / "copy.db"

    def take() -> None:
        # What `.backup` of its shell does.
        source, target = sqlite3.connect(tmp_path / "desk.db"), sqlite3.connect(copy)
        with closing(source), closing(target):
            source.backup(target)
        # What its secrets are sealed with is in a file beside it.
        shutil.copy(tmp_path / "desk.db.key", f"{copy}.key")

    with standalone(tmp_path).open() as desk:
        lose_and_restore(Run(desk, seed), take, lambda: None, f"sqlite:///{copy}", note)


def lose_and_restore(
    run: Run,
    take: Callable[[], object],
    restore: Callable[[], object],
    restored_url: str,
    note: Note,
) -> None:
    """Take a backup under load, lose the desk, and prove that all is well on what was restored."""
    desk = run.desk
    desk.subscriber.pause_s = PAUSE_S
    with run.going_on(INTERVAL_S, 4):
        assert wait_until(lambda: run.has_accepted(TICKETS), PATIENCE_S)
        take()
        assert wait_until(lambda: run.has_accepted(2 * TICKETS), PATIENCE_S)
    for process in desk.processes.values():
        process.kill()
    desk.subscriber.pause_s = 0
    restore()
    settings = {"PATCHBAY_DATABASE_URL": restored_url}
    run_command(settings, "migrate")
    run_command(settings, "verify")
    moved = desk.moved_to(restored_url)
    again = _as_of_then(run, moved, note)
    assert moved.left(), "nothing was on its way at the moment of the backup"
    moved.end_leases(deliveries=True)
    with moved.resumed():
        again.post(TICKETS)
        prove(again, note, ("backup restored", 1))
    run_command(settings, "verify")


def _as_of_then(run: Run, moved: Desk, note: Note) -> Run:
    """Return a run on the restored desk which knows of the first what the backup knows of it."""
    database = Database(moved.database_url)
    with database.reading() as connection:
        statuses = connection.execute(select(table(Ticket).c["id", "status"])).all()
        events = set(connection.execute(select(table(TicketEvent).c.id)).scalars())
    database.close()
    kept = {ticket for ticket, _ in statuses}
    assert kept < run.accepted.keys(), "it has what was accepted before it, and nothing else"
    note(f"{len(kept)} tickets in the backup; {len(run.accepted) - len(kept)} came after it")
    for subscriber in moved.subscribers:
        subscriber.arrivals[:] = [
            arrival for arrival in subscriber.arrivals if arrival.event_id in events
        ]
    again = Run(moved, run.seed + 1)
    again.accepted.update({ticket: run.accepted[ticket] for ticket in kept})
    over = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    again.resolved.update(ticket for ticket, status in statuses if status in over)
    return again


def _run(program: Path, *arguments: object) -> None:
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


def _plain(database_url: str) -> str:
    return database_url.replace("+psycopg", "")
