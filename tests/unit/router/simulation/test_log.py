"""Logs: read with a line for each mistake, made into the desk that they show."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from services.router.simulation.log import read_log
from services.router.simulation.log_handling import Reading, estimate, samples
from services.router.simulation.log_world import Arrivals, LogOptions, log_world
from services.router.simulation.measures import measure
from services.router.simulation.staff_file import read_staff
from services.router.simulation.theory.errors import LabError
from tests.unit.router.simulation.desks import simulate

MARCH = Path(__file__).parents[3] / "data" / "incidents-2016-03.jsonl.gz"
SAMPLE = Path(__file__).parents[4] / "services/demo/data/incidents.jsonl.gz"


def row(**changed: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "opened_at": "2016-03-01T09:00:00Z",
        "category": "Category 1",
        "priority": "3 - Moderate",
        "group_final": "Group 1",
        "agent_final": "Resolver 1",
        "resolved_at": "2016-03-01T10:00:00Z",
        **changed,
    }


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "log.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(item) for item in rows))
    return path


def test_the_march_incidents_are_read_whole() -> None:
    records = read_log(MARCH)
    assert len(records) == 9202
    assert [r.opened_at for r in records] == sorted(r.opened_at for r in records)


def test_the_sample_that_the_demo_carries_is_a_log_too() -> None:
    world = log_world("sample", read_log(SAMPLE), LogOptions())
    assert len(world.source.jobs(1)) > 2000


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"id": "1"}, "line 2 is no ticket: lacks 'opened_at'"),
        (row(opened_at="yesterday"), "line 2 is no ticket: Invalid isoformat"),
        (row(opened_at="2016-03-01T09:00:00"), "has no zone"),
        (row(priority="sometime"), "'sometime' is no priority"),
        ([1], "line 2 is no ticket"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, bad: Any, complaint: str) -> None:
    with pytest.raises(LabError, match=complaint):
        read_log(written(tmp_path, row(), bad))


def test_what_is_no_file_and_what_is_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        read_log(tmp_path / "nothing.jsonl")
    with pytest.raises(LabError, match="holds no tickets"):
        read_log(written(tmp_path))
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(b"{}")[:-9])
    with pytest.raises(LabError, match="cannot be read"):
        read_log(broken)


def test_a_log_without_agents_is_refused(tmp_path: Path) -> None:
    records = read_log(written(tmp_path, row(agent_final=None)))
    with pytest.raises(LabError, match="no ticket can be served"):
        log_world("log", records, LogOptions())


def test_tickets_that_nobody_could_serve_are_left_out_and_counted(tmp_path: Path) -> None:
    orphan = row(id="2", group_final="Group 2", agent_final=None)
    world = log_world("log", read_log(written(tmp_path, row(), orphan)), LogOptions())
    assert world.notes == ("1 of 2 tickets left out: nobody to serve them",)


def acts(*minutes: int, agent: str = "Resolver 1") -> list[dict[str, str]]:
    return [{"at": f"2016-03-01T09:{minute:02}:00Z", "agent": agent} for minute in minutes]


def test_an_act_takes_the_time_since_the_act_before_but_no_more_than_the_gap(
    tmp_path: Path,
) -> None:
    first = row(id="1", events=acts(0, 10))
    second = row(id="2", events=acts(14, 50))
    records = read_log(written(tmp_path, first, second))
    found = {records.index(r): s.seconds for r, s in zip(records, _by_record(records), strict=True)}
    assert found == {0: 450 + 600, 1: 240 + 450}


def _by_record(records: Any) -> Any:
    return samples(records, Reading.EFFORT, 900.0)


def test_in_hand_is_from_the_first_act_to_the_resolution(tmp_path: Path) -> None:
    records = read_log(written(tmp_path, row(events=acts(15))))
    assert [s.seconds for s in samples(records, Reading.IN_HAND, 900.0)] == [45 * 60]


def test_somebody_with_few_tickets_is_taken_to_be_usual(tmp_path: Path) -> None:
    slow = [row(id=f"s{n}", agent_final="Slow", events=acts(0, agent="Slow")) for n in range(1)]
    records = read_log(written(tmp_path, *slow, row(events=acts(0))))
    found = samples(records, Reading.IN_HAND, 900.0)
    estimates = estimate(found, {"group-1/category-1": "group-1"})
    usual = estimates.usual_s["group-1/category-1"]
    assert abs(estimates.mean_s("group-1/category-1", "Slow") - usual) < 0.05 * usual


def test_as_many_agents_as_asked_for_replace_the_staff() -> None:
    records = read_log(SAMPLE)
    world = log_world("sample", records, LogOptions(agents=40))
    assert len(world.workers) == 40
    assert all(worker.shifts is None for worker in world.workers)


def test_agents_of_a_file_replace_the_staff(tmp_path: Path) -> None:
    file = tmp_path / "staff.yaml"
    file.write_text(
        """
        agents:
          - name: Day
            count: 30
            teams: [group-70]
            skills: {category-55: 3}
            capacity: 2
            shifts: [{days: [mon, tue, wed, thu, fri], start: "08:00", end: "16:00"}]
          - name: Always
            teams: [group-70]
        """
    )
    world = log_world("sample", read_log(SAMPLE), LogOptions(staff=read_staff(file)))
    workers = {worker.id: worker for worker in world.workers}
    assert len(workers) == 31
    assert workers["Always"].shifts is None
    assert workers["Day 7"].candidate.capacity == 2
    assert workers["Day 7"].candidate.skills == {"category-55": 3}
    day = workers["Day 7"].candidate.shift
    assert day is not None
    assert not day.on(datetime(2016, 3, 5, 10, tzinfo=UTC))
    assert day.on(datetime(2016, 3, 7, 10, tzinfo=UTC))
    found = measure(world, simulate(world, {}))
    assert found.tickets > 100


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("agents: []", "agents"),
        ("agents: [{name: A, rate: 3}]", "rate"),
        ("agents: [{name: A, shifts: [{start: '25:00', end: '16:00'}]}]", "start"),
        ("agents: [{name: A}, {name: A}]", "'A' is given more than once"),
    ],
)
def test_a_wrong_file_of_staff_is_refused_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "staff.yaml"
    file.write_text(text)
    with pytest.raises(LabError, match=complaint):
        read_staff(file)


def test_poisson_arrivals_are_drawn_from_the_log_anew_for_each_seed() -> None:
    options = LogOptions(arrivals=Arrivals.POISSON, rate=0.01)
    world = log_world("sample", read_log(SAMPLE), options)
    one, other = world.source.jobs(1), world.source.jobs(2)
    assert [job.at for job in one] != [job.at for job in other]
    assert len(one) == pytest.approx(0.01 * world.horizon_s, rel=0.1)
    assert [job.number for job in one] == list(range(len(one)))


def test_a_week_of_march_runs_and_says_how_it_went() -> None:
    world = log_world("sample", read_log(SAMPLE), LogOptions())
    found = measure(world, simulate(world, {}))
    assert found.tickets > 2000
    assert 0 < found.values["sla"] <= 1
    assert np.isfinite(found.values["mean_wait_s"])
