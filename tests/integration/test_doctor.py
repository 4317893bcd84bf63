"""`patchbay doctor`: what is wrong is said with its reason and the way out, and no secret is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.db.engine import Database
from shared.db.models import Ticket
from shared.domain.work import WorkState
from shared.messaging.worker_host import WorkerHost
from shared.ports import choose_port
from shared.runtime import Runtime
from tests.desk import Desk
from tests.doctor import look, said, settings_of
from tests.fixtures.modes import Mode
from tests.rows import set_columns
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.fixture
def environment(mode: Mode, tmp_path: Path) -> dict[str, str]:
    return settings_of(mode, tmp_path)


def test_a_desk_at_work_is_well(
    environment: dict[str, str],
    desk: Desk,
    runtime: Runtime,
    start_host: Callable[..., WorkerHost],
    mode: Mode,
) -> None:
    start_host(runtime, ("intake", "router", "notifier"))
    agent = desk.agent(2)
    ticket = desk.ticket()["id"]
    eventually(lambda: desk.assignee(ticket) == agent)
    only = [f"--only={area}" for area in ("database", "work", "broker", "storage")]
    done = eventually(
        lambda: found if (found := look(environment, "--json", *only)).returncode == 0 else None
    )
    assert said(done, "warning", "error") == []
    told = dict(said(done, "ok"))
    assert set(told) == {"database", "work", "broker", "storage"}
    texts = " ".join(text for _, text in said(done, "ok"))
    assert "every ticket is accounted for" in texts
    assert "a file was stored, read and deleted" in texts
    if mode.distributed:
        assert "the role may do everything" in texts
        assert "the clocks of this machine and the database are 0.0" in texts
        assert "RabbitMQ 3." in texts or "RabbitMQ 4." in texts


def test_work_that_nobody_does_is_told(
    environment: dict[str, str], desk: Desk, database: Database, mode: Mode
) -> None:
    lost, gave_up = desk.ticket()["id"], desk.ticket()["id"]
    set_columns(database, Ticket, lost, work_state=WorkState.IDLE)
    set_columns(database, Ticket, gave_up, work_state=WorkState.DEAD)
    done = look(environment, "--json", "--only=work", "--only=broker")
    assert done.returncode == 2
    assert said(done, "error") == [("work", "1 tickets are nowhere")]
    warnings = [text for _, text in said(done, "warning")]
    assert "no notifier and no router runs" in warnings
    assert "1 rows gave up: routing 1" in warnings
    assert any(text.startswith("nobody listens for ") for text in warnings) == mode.distributed


def test_a_database_without_a_schema_or_an_answer_is_told_once(
    environment: dict[str, str], new_database: Callable[[], str], mode: Mode
) -> None:
    empty = look(environment, "--json", DATABASE_URL=new_database())
    assert empty.returncode == 2
    [(area, text)] = said(empty, "error")
    assert area == "database"
    assert "the schema is not there" in text or "there is no database at" in text
    if mode.distributed:
        port = choose_port()
        url = f"postgresql+psycopg://patchbay:s3cr3t-w0rd@127.0.0.1:{port}/x"
        away = look(environment, "--json", DATABASE_URL=url)
        [(area, text)] = said(away, "error")
        assert (area, "refused" in text) == ("database", True)
        assert "s3cr3t-w0rd" not in away.stdout + away.stderr
