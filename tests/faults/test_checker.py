"""The checker must catch what it is there for: real desks, sabotaged, one rule at a time.

Each case changes a copy of a database that a real run left behind, or what was seen from outside.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from services.chaos.checker import Rule, Witness, violations
from services.chaos.facts import read_facts
from shared.db.engine import Database
from shared.waiting import wait_until
from tests.faults.load import Run
from tests.faults.modes import standalone
from tests.faults.proof import REST_DEADLINE_S

SEED, TICKETS = 7, 40

pytestmark = pytest.mark.xdist_group("faults-others")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left behind."""

    database: Path
    witness: Witness


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Run a small desk with little room, so that some tickets are left waiting."""
    folder = tmp_path_factory.mktemp("finished")
    with standalone(folder).open(agents=4, capacity=3) as desk:
        run = Run(desk, SEED)
        run.post(TICKETS)
        assert wait_until(lambda: not desk.left(), REST_DEADLINE_S)
        return Finished(folder / "desk.db", run.witness)


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of the database with its guards off."""
    path = tmp_path / "copy.db"
    shutil.copy(finished.database, path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints=ON")
    connection.execute("DROP INDEX uq_assignments_one_open_per_ticket")
    yield connection
    connection.close()


def broken(copy: sqlite3.Connection, witness: Witness) -> set[Rule]:
    path = copy.execute("PRAGMA database_list").fetchone()[2]
    database = Database(f"sqlite:///{path}")
    try:
        return {violation.rule for violation in violations(read_facts(database), witness)}
    finally:
        database.close()


def test_a_run_without_a_fault_breaks_no_rule(copy: sqlite3.Connection, finished: Finished) -> None:
    assert broken(copy, finished.witness) == set()
    states = {state for (state,) in copy.execute("SELECT DISTINCT work_state FROM tickets")}
    assert {"done", "waiting"} <= states, "the run is too tame to prove anything"


OPEN = "(SELECT id FROM tickets WHERE status = 'open' ORDER BY id LIMIT 1)"
WAITING = "(SELECT id FROM tickets WHERE work_state = 'waiting' ORDER BY id LIMIT 1)"
RESOLVED = "(SELECT id FROM tickets WHERE status = 'resolved' ORDER BY id LIMIT 1)"
HELD = f"ended_at IS NULL AND ticket_id = {OPEN}"
ANOTHER = "(SELECT max(id) FROM agents WHERE id <> agent_id)"
COLUMNS = "id, ticket_id, agent_id, decision_id, weight, started_at, ended_at, end_reason"
A_SECOND = f"'asg_2', ticket_id, {ANOTHER}, decision_id, weight, started_at, ended_at, end_reason"
NO_REASON = '{"data": {"reason": ""}}'


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        (Rule.LOST_TICKET, f"DELETE FROM tickets WHERE id = {OPEN}"),
        (Rule.LOST_STEP, f"UPDATE tickets SET status = 'open' WHERE id = {RESOLVED}"),
        (Rule.UNACCOUNTED, f"UPDATE tickets SET assignee_id = NULL WHERE id = {OPEN}"),
        (Rule.UNACCOUNTED, f"UPDATE tickets SET work_state = 'idle' WHERE id = {WAITING}"),
        (
            Rule.UNACCOUNTED,
            f"UPDATE ticket_events SET body = '{NO_REASON}' WHERE ticket_id = {WAITING}",
        ),
        (Rule.UNACCOUNTED, f"UPDATE assignments SET ended_at = started_at WHERE {HELD}"),
        (Rule.STUCK, "UPDATE agents SET capacity = capacity + 1"),
        (
            Rule.DOUBLE_ASSIGNMENT,
            f"INSERT INTO assignments ({COLUMNS}) SELECT {A_SECOND} FROM assignments WHERE {HELD}",
        ),
        (Rule.UNEXPLAINED, f"DELETE FROM decisions WHERE ticket_id = {OPEN}"),
        (Rule.OVER_CAPACITY, "UPDATE agents SET capacity = load - 1 WHERE load > 0"),
        # It was too much, and is over.
        (Rule.OVER_CAPACITY, "UPDATE assignments SET weight = 4 WHERE ended_at IS NOT NULL"),
        (Rule.WRONG_LOAD, "UPDATE agents SET load = load - 1 WHERE load > 0"),
        (
            Rule.SEQUENCE_GAP,
            f"UPDATE ticket_events SET sequence = 9 WHERE sequence = 2 AND ticket_id = {OPEN}",
        ),
        (Rule.SEQUENCE_GAP, f"UPDATE tickets SET version = version + 1 WHERE id = {OPEN}"),
        (
            Rule.UNKNOWN_EVENT,
            f"DELETE FROM ticket_events WHERE sequence = 1 AND ticket_id = {OPEN}",
        ),
        (Rule.UNRECORDED, "UPDATE deliveries SET work_state = 'dead' WHERE channel = 'webhook'"),
        (Rule.UNFINISHED, f"UPDATE tickets SET work_state = 'ready' WHERE id = {WAITING}"),
        (Rule.UNFINISHED, "UPDATE deliveries SET work_state = 'ready' WHERE sequence = 1"),
    ],
)
def test_a_sabotaged_database_is_caught(
    copy: sqlite3.Connection, finished: Finished, rule: Rule, statement: str
) -> None:
    assert copy.execute(statement).rowcount > 0
    assert rule in broken(copy, finished.witness)


def never_answered(witness: Witness) -> Witness:
    return replace(witness, accepted=frozenset(sorted(witness.accepted)[1:]))


def answered_in_vain(witness: Witness) -> Witness:
    return replace(witness, accepted=witness.accepted | {"tkt_nobody_stored"})


def one_webhook_missing(witness: Witness) -> Witness:
    """The first one of the first subscriber."""
    return replace(witness, arrived=witness.arrived[1:])


def missing_at_the_second_only(witness: Witness) -> Witness:
    first, second = witness.subscribed
    receiver, event = witness.arrived[-1]
    assert receiver == second
    assert (first, event) in witness.arrived
    return replace(witness, arrived=witness.arrived[:-1])


def told_to_the_wrong_one(witness: Witness) -> Witness:
    """The first event of a ticket, which the second subscriber did not ask for."""
    _, second = witness.subscribed
    return replace(witness, arrived=[(second, witness.arrived[0][1]), *witness.arrived])


def a_stray_webhook(witness: Witness) -> Witness:
    first, _ = witness.subscribed
    return replace(witness, arrived=[*witness.arrived, (first, "evt_from_nowhere")])


def backwards(witness: Witness) -> Witness:
    return replace(witness, arrived=witness.arrived[::-1])


def backwards_at_the_second_only(witness: Witness) -> Witness:
    first, second = (
        [told for told in witness.arrived if told[0] == receiver] for receiver in witness.subscribed
    )
    return replace(witness, arrived=[*first, *second[::-1]])


@pytest.mark.parametrize(
    ("rule", "sabotage"),
    [
        (Rule.UNASKED_TICKET, never_answered),
        (Rule.LOST_TICKET, answered_in_vain),
        (Rule.UNDELIVERED, one_webhook_missing),
        (Rule.UNDELIVERED, missing_at_the_second_only),
        (Rule.UNKNOWN_EVENT, a_stray_webhook),
        (Rule.UNKNOWN_EVENT, told_to_the_wrong_one),
        (Rule.OUT_OF_ORDER, backwards),
        (Rule.OUT_OF_ORDER, backwards_at_the_second_only),
    ],
)
def test_a_false_answer_or_a_missing_webhook_is_caught(
    copy: sqlite3.Connection,
    finished: Finished,
    rule: Rule,
    sabotage: Callable[[Witness], Witness],
) -> None:
    assert broken(copy, sabotage(finished.witness)) == {rule}


def test_webhooks_that_come_twice_break_no_rule(
    copy: sqlite3.Connection, finished: Finished
) -> None:
    repeated = replace(finished.witness, arrived=[*finished.witness.arrived] * 2)
    assert broken(copy, repeated) == set()
