"""Two releases on one database and one broker: processes replaced one by one, under load."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from deploy.local import Servers
from shared.db import schema
from shared.db.engine import Database
from shared.waiting import wait_until
from tests.faults.conftest import Note, new_database
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.modes import distributed, new_token
from tests.faults.processes import COMMAND, environment
from tests.faults.proof import prove
from tests.faults.releases import release_after, release_before
from tests.later_releases import migration

INTERVAL_S, TICKETS, PATIENCE_S = 0.05, 15, 30.0
#: How long one request may be held up by a migration that waits for a lock for a second.
HELD_UP_S = 5.0
#: Nobody has to wait, so that the last look at those who do is not still under way at the end.
ROOMY = 100

pytestmark = pytest.mark.xdist_group("faults-scale")


@pytest.fixture
def run(desk: Desk, seed: int) -> Run:
    return Run(desk, seed)


@contextmanager
def load(run: Run, note: Note) -> Iterator[Callable[[], None]]:
    """Post from all sides; yields what waits until some more tickets were accepted."""

    def go_on() -> None:
        wanted = len(run.accepted) + TICKETS
        assert wait_until(lambda: run.has_accepted(wanted), PATIENCE_S)

    with run.going_on(INTERVAL_S, 2), run.going_on(INTERVAL_S, 2, fresh=True):
        yield go_on
    assert not run.turned_away, run.troubles
    note(f"{run.reset_anew} new connections were reset")


def test_the_release_before_is_replaced_process_by_process_and_comes_back(
    servers: Servers, tmp_path: Path, rounds: int, seed: int, note: Note
) -> None:
    """Old and new workers with either intake; backwards as far as the schema lets the old work."""
    servers.start()
    old = release_before(tmp_path / "before")
    url = new_database(servers, template=None)
    token = new_token(url, old)
    made = distributed(url, servers.rabbitmq.url, token, tmp_path, release=old)
    with made.open(capacity=ROOMY) as desk:
        run = Run(desk, seed)
        with load(run, note) as go_on:
            back = migrated(old, url, note)
            for _ in range(rounds):
                for name in ("notifier", "router", "intake"):
                    desk.replace(name)
                    go_on()
                if back:
                    desk.replace("router", old)
                    go_on()
        done = "replaced and brought back" if back else "replaced"
        prove(run, note, (f"the release before {done}", rounds))


def migrated(before: Path, database_url: str, note: Note) -> bool:
    """Migrate to this release; tell whether the release before works on the schema then."""
    database = Database(database_url)
    was, now = schema.migrate(database)
    state = schema.state(database)
    database.close()
    note(f"the schema went from {was} to {now}, with the floor {state.floor}")
    known = state.own[: state.own.index(str(was)) + 1]
    asks = (before / "shared/db/compatibility.py").exists()
    return was == now or (asks and state.floor in known)


def test_a_migration_makes_way_for_traffic_and_this_release_goes_on_upon_it(
    desk: Desk, run: Run, tmp_path: Path, note: Note
) -> None:
    """A release to come migrates beside us, while a report holds the tables that it changes."""
    own = schema.newest_revision()
    column = 'op.add_column("tickets", sa.Column("shade", sa.Text(), nullable=True))'
    index = 'create_index("ix_tickets_shade", "tickets", ["created_at", "id"])'
    later = release_after(
        tmp_path / "after",
        {
            "8000": migration("8000", index, compatible_with=own),
            "8001": migration("8001", column, compatible_with=own, after="8000"),
        },
    )
    conninfo = desk.database_url.replace("+psycopg", "")
    settings = {"PATCHBAY_DATABASE_URL": desk.database_url}
    with (
        load(run, note) as go_on,
        psycopg.connect(conninfo) as report,
        ThreadPoolExecutor(1) as pool,
    ):
        report.execute("SELECT count(*) FROM tickets")
        out = tmp_path / "migrate.log"
        migrating = pool.submit(_migrate, later, settings, out)
        assert wait_until(lambda: out.exists() and "A table is held by" in out.read_text(), 60.0)
        go_on()
        assert not migrating.done()
        report.rollback()
        assert migrating.result(PATIENCE_S) == 0, out.read_text()
        go_on()
        # Of this release, on the schema of the next.
        desk.replace("router")
        desk.replace("intake")
        go_on()
    note(f"the slowest request took {run.slowest_s:.1f} s; {out.read_text().splitlines()[-1]}")
    assert run.slowest_s < HELD_UP_S
    database = Database(desk.database_url)
    assert schema.state(database).current == "8001"
    database.close()
    prove(run, note, ("a migration behind a long transaction", 1))


def _migrate(release: Path, settings: dict[str, str], out: Path) -> int:
    with out.open("w") as log:
        done = subprocess.run(
            [sys.executable, "-u", *COMMAND[1:], "migrate", "--wait-s", "60"],
            cwd=release,
            env=environment(settings),
            stdout=log,
            stderr=log,
            check=False,
        )
    return done.returncode
