"""A backup taken under load and restored: it is sound, and work goes on where it was.

Attachments are in it: first the database is taken, then their storage, as operations.md has it.
"""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
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
from tests.faults.traffic import traffic, upload

#: How many files there are when the backup begins, and how many more between its two halves.
FILES, MORE_FILES = 3, 2
TICKETS, INTERVAL_S, PATIENCE_S = 40, 0.01, 30.0
#: How long the subscriber thinks: something is on its way at any moment.
PAUSE_S = 0.2

pytestmark = pytest.mark.xdist_group("faults-scale")


def test_a_dump_of_postgresql_is_sound_and_work_goes_on_from_it(
    build_desk: Callable[..., Desk], servers: Servers, tmp_path: Path, seed: int, note: Note
) -> None:
    programs, dump = postgres_programs(), tmp_path / "patchbay.dump"
    restored = new_database(servers, template=None)
    made = build_desk(stored_in(tmp_path / "attachments"))

    def take() -> None:
        _run(programs / "pg_dump", "--format=custom", f"--file={dump}", _plain(made.database_url))

    def restore() -> None:
        options = ("--no-owner", "--exit-on-error")
        _run(programs / "pg_restore", *options, f"--dbname={_plain(restored)}", dump)

    with made.open() as desk:
        lose_and_restore(Run(desk, seed), take, restore, restored, tmp_path, note)


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

    with standalone(tmp_path, stored_in(tmp_path / "attachments")).open() as desk:
        lose_and_restore(Run(desk, seed), take, lambda: None, f"sqlite:///{copy}", tmp_path, note)


def stored_in(folder: Path) -> Mapping[str, str]:
    """Return the settings by which files are in a folder."""
    return {"PATCHBAY_STORAGE_URL": f"file:{folder}"}


def lose_and_restore(
    run: Run,
    take: Callable[[], object],
    restore: Callable[[], object],
    restored_url: str,
    folder: Path,
    note: Note,
) -> None:
    """Take a backup under load, lose the desk, and prove that all is well on what was restored."""
    desk = run.desk
    desk.subscriber.pause_s = PAUSE_S
    storage, archive, stored = folder / "attachments", folder / "attachments.tar", folder / "stored"
    with run.going_on(INTERVAL_S, 4), traffic(run, [upload]):
        assert wait_until(lambda: run.has_accepted(TICKETS), PATIENCE_S)
        _await_files(run, FILES)
        take()
        # What comes between is in the storage only.
        _await_files(run, len(run.attached) + MORE_FILES)
        _copy_storage(storage, archive)
        assert wait_until(lambda: run.has_accepted(2 * TICKETS), PATIENCE_S)
    for process in desk.processes.values():
        process.kill()
    desk.subscriber.pause_s = 0
    shutil.rmtree(storage)
    restore()
    stored.mkdir()
    _run("tar", "--extract", f"--file={archive}", f"--directory={stored}")
    settings = {"PATCHBAY_DATABASE_URL": restored_url, **stored_in(stored)}
    run_command(settings, "migrate")
    run_command(settings, "verify", "--storage")
    moved = desk.moved_to(restored_url, stored_in(stored))
    again = _as_of_then(run, moved, note)
    assert moved.left(), "nothing was on its way at the moment of the backup"
    moved.end_leases(deliveries=True)
    with moved.resumed():
        for ticket, content in again.attached.items():
            assert moved.files(ticket) == [content]
        again.post(TICKETS)
        prove(again, note, ("backup restored", 1))
    run_command(settings, "verify", "--storage")


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
    again.attached.update({ticket: run.attached[ticket] for ticket in kept & run.attached.keys()})
    assert FILES <= len(again.attached) < len(run.attached)
    note(f"{len(again.attached)} files in the backup of the database, {len(run.attached)} in all")
    over = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    again.resolved.update(ticket for ticket, status in statuses if status in over)
    return again


def _await_files(run: Run, count: int) -> None:
    assert wait_until(lambda: len(run.attached) >= count, PATIENCE_S), "no file was attached"


def _copy_storage(storage: Path, archive: Path) -> None:
    arguments = ("--create", f"--file={archive}", f"--directory={storage}", "--exclude=./incoming")
    done = subprocess.run(["tar", *arguments, "."], check=False, capture_output=True, text=True)
    # It ends with 1 if a folder got another file meanwhile.
    assert done.returncode in (0, 1), done.stderr


def _run(program: Path | str, *arguments: object) -> None:
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


def _plain(database_url: str) -> str:
    return database_url.replace("+psycopg", "")
