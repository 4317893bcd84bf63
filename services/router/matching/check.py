"""What must be true of a matcher's choices, whoever wrote it."""

from collections.abc import Sequence

from services.router.matching.table import MatchingTable, Wanted
from services.router.model import Candidate, Choice
from services.router.pool import loaded


def check_choices(
    table: MatchingTable,
    before: Sequence[Candidate],
    wanted: Sequence[Wanted],
    choices: Sequence[Choice],
) -> None:
    """Raise ValueError unless every winner may have the ticket and is counted in the table.

    `before` are the table's candidates as they were before the matcher took any.
    """
    if len(choices) != len(wanted):
        raise ValueError(f"{len(choices)} choices for {len(wanted)} tickets")
    known = {candidate.id: candidate for candidate in before}
    for ticket, choice in zip(wanted, choices, strict=True):
        if not isinstance(choice, Choice):
            raise ValueError(f"a {type(choice).__name__} is no choice")  # noqa: TRY004 -- one kind
        if choice.winner is None:
            continue
        winner = known.get(choice.winner.id)
        if winner is None:
            raise ValueError(f"{choice.winner.id} is not in the table")
        need = ticket.subject.need
        for filter_ in ticket.pipeline.filters:
            reason = filter_.reject(need, winner, table.context)
            if reason is not None:
                raise ValueError(f"chose {winner.id}, who {reason} (filter {filter_.name})")
        known[winner.id] = loaded(winner, need.weight, table.context.now)
    for candidate in table.candidates():
        if candidate.load != known[candidate.id].load:
            raise ValueError(f"the load of {candidate.id} in the table is not what was chosen")
