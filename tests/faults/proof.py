"""The end of every fault test: wait for rest, check everything, say the figures."""

from time import monotonic

from services.chaos.checker import LOST, Rule, violations
from services.chaos.table import Row
from shared.domain.work import WorkState
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.load import Run

#: Longer than the lease of a delivery whose sender was killed.
REST_DEADLINE_S = 100.0
MAX_SHOWN = 20


def prove(run: Run, note: Note, *nemeses: tuple[str, int]) -> None:
    """Show that every promise was kept by the desk of this run, and that no code crashed.

    `nemeses` say what struck and how often; each becomes a row of the table.
    """
    desk, began = run.desk, monotonic()
    wait_until(lambda: not desk.left(), REST_DEADLINE_S)
    rest_s = monotonic() - began
    facts = desk.facts()
    waiting = sum(ticket.work_state is WorkState.WAITING for ticket in facts.tickets)
    broken = violations(facts, run.witness)
    crashes = desk.crashes()
    note(
        f"{len(run.accepted)} accepted in {run.tries} tries (the slowest took {run.slowest_s:.1f} "
        f"s), {len(run.resolved)} resolved, {waiting} waiting; {len(facts.events)} events, "
        f"{desk.subscribers.duplicates} duplicates; at rest {rest_s:.1f} s after the last answer"
    )
    if run.troubles:
        note(f"tried again: {dict(run.troubles)}")
    for nemesis, strikes in nemeses:
        note.row(
            Row(
                nemesis,
                strikes,
                accepted=len(run.accepted),
                lost=sum(violation.rule in LOST for violation in broken),
                doubled=sum(violation.rule is Rule.DOUBLE_ASSIGNMENT for violation in broken),
                broken=sum(
                    violation.rule not in {*LOST, Rule.DOUBLE_ASSIGNMENT} for violation in broken
                ),
                duplicated=desk.subscribers.duplicates,
                rest_s=max(rest_s, run.longest_rest_s),
            )
        )
    lines = [f"{violation.rule}: {violation.where}" for violation in broken[:MAX_SHOWN]]
    assert not broken, "\n".join([f"{len(broken)} violations", *lines])
    assert not desk.subscribers.refused, desk.subscribers.refused
    placed = (each.from_commit is not None for each in facts.assignments)
    assert all(placed), "of some assignments nobody knows when they began"
    assert not crashes, f"code that met a fault unprepared: {dict(crashes)}"
