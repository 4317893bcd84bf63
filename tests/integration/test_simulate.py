"""`patchbay simulate` as people call it, and on the history of a real database."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from services.cli.history import read_history
from services.router.simulation.log_handling import Reading
from services.router.simulation.log_world import LogOptions, log_world
from services.router.simulation.theory.errors import LabError
from shared.domain.clock import SystemClock
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.commands import Done, run_command
from tests.desk import Desk
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "docs/lab/help-desk.yaml"


def simulate(*arguments: object) -> Done:
    return run_command("simulate", *arguments)


def test_a_scenario_becomes_a_table_a_document_and_a_page(tmp_path: Path) -> None:
    written, page = tmp_path / "found.json", tmp_path / "found.html"
    done = simulate(
        "--scenario", SCENARIO, "--profile", "default", "--profile", "queue_balance",
        "--seeds", 2, "--json", written, "--html", page,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Difference to default, same draws" in done.stdout
    found = orjson.loads(written.read_bytes())
    assert found["provenance"]["seeds"] == [1, 2]
    assert [profile["name"] for profile in found["profiles"]] == ["default", "queue_balance"]
    assert page.read_text().startswith("<!doctype html>")


def test_the_same_command_finds_the_same(tmp_path: Path) -> None:
    shorter = tmp_path / "week.yaml"
    shorter.write_text(Path(SCENARIO).read_text().replace("horizon: 28d", "horizon: 7d"))
    found = []
    for number, jobs in enumerate((1, 2)):
        path = tmp_path / f"{number}.json"
        assert simulate("--scenario", shorter, "--seeds", 2, "--jobs", jobs, "--json", path)
        found.append(orjson.loads(path.read_bytes())["profiles"])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Name one source"),
        (["nothing.jsonl"], "nothing.jsonl cannot be read: No such file or directory"),
        (["a.jsonl", "--scenario", SCENARIO], "Name one source"),
        (["--scenario", "nothing.yaml"], "nothing.yaml cannot be read"),
        (["--scenario", SCENARIO, "--profile", "best"], "There is no profile best"),
        (["--scenario", SCENARIO, "--since", "2026-01-01"], "--since goes with --history"),
        (["a.jsonl", "--handling", "magic"], "use effort, in_hand"),
        (["--scenario", SCENARIO, "--seeds", "1", "--json", "/nowhere/x"], "cannot be written"),
    ],
)
def test_a_wrong_call_ends_with_status_2_and_the_way_out(
    arguments: list[str], complaint: str
) -> None:
    done = simulate(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def routed(runtime: Runtime, start_host: Callable[..., WorkerHost], desk: Desk) -> list[str]:
    """A team with two agents, and tickets of theirs that were assigned and resolved."""
    start_host(runtime, ["router"])
    desk.team("network")
    for _ in range(2):
        desk.agent(5, teams=["network"])
    tickets = [str(desk.ticket(team="network", category="vpn")["id"]) for _ in range(4)]
    for ticket_id in tickets:
        eventually(lambda ticket_id=ticket_id: desk.assignee(ticket_id) is not None)
        desk.step(ticket_id, "resolve")
    return tickets


def test_an_installations_past_is_a_log(runtime: Runtime, routed: list[str]) -> None:
    records = read_history(runtime.settings, None)
    assert [record.id for record in records] == routed
    assert all(record.group == "network" and record.category == "vpn" for record in records)
    assert all(record.agent and record.resolved_at for record in records)
    world = log_world("history", records, LogOptions(reading=Reading.IN_HAND))
    assert len(world.source.jobs(1)) == 4


def test_a_past_without_tickets_is_told(runtime: Runtime, routed: list[str]) -> None:
    with pytest.raises(LabError, match="holds no tickets"):
        read_history(runtime.settings, SystemClock().now())
