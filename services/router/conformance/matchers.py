"""What is asked of a matcher."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from services.router.conformance.examples import candidates, contexts, subjects
from services.router.conformance.plugin import Conformance, Examination, Question
from services.router.filters import Filter
from services.router.filters.capacity import CapacityFilter
from services.router.filters.presence import PresenceFilter
from services.router.filters.skills import SkillsFilter
from services.router.filters.team import TeamFilter
from services.router.matching import Matcher, MatchingTable, Pipeline, Wanted
from services.router.matching.check import check_choices
from services.router.model import Candidate, Choice, Context
from services.router.pool_builder import pool_of
from services.router.profile import default_profile
from services.router.scorers import Scorer
from services.router.scorers.least_loaded import LeastLoaded
from services.router.scorers.skill_fit import SkillFit


def check_matcher(
    plugin: Callable[..., Matcher], *, max_us: float = 1_000_000.0, **options: Any
) -> Conformance:
    """Check a matcher class with the options given; raises NotConforming.

    There is a choice for each ticket; winners pass every filter, are taken in the table and are
    never over capacity; nobody waits while somebody could take their ticket; and what is asked of
    every plugin.
    """
    examination: Examination[Matcher] = Examination(plugin, Matcher, options)  # type: ignore[type-abstract]
    context = contexts()[1]
    batches = [
        (candidates(agents, agents), _wanted(seed=tickets, count=tickets))
        for agents, tickets in [(0, 3), (1, 4), (5, 0), (6, 12), (30, 20), (30, 80)]
    ]
    examination.keep([(agents, [ticket.subject for ticket in asked]) for agents, asked in batches])
    questions = []
    for agents, asked in batches:
        _check_batch(examination, agents, asked, context)
        about = f"of {len(asked)} tickets and {len(agents)} agents"
        questions.append(Question(about, partial(_winners, agents, asked, context)))
    return examination.check_answers(questions, max_us)


def _check_batch(
    examination: Examination[Matcher],
    agents: Sequence[Candidate],
    asked: Sequence[Wanted],
    context: Context,
) -> None:
    about = f"with {len(asked)} tickets and {len(agents)} agents"
    table = MatchingTable(pool_of(agents), context)
    before = table.candidates()
    choices = list(examination.build().match(table, asked))
    try:
        check_choices(table, before, asked, choices)
    except ValueError as error:
        raise examination.fail(f"{about}: {error}") from error
    for ticket, choice in zip(asked, choices, strict=True):
        if choice.winner is None and (could := table.choose(ticket).winner) is not None:
            raise examination.fail(
                f"{about} {ticket.subject.id} waits, though {could.id} could take it"
            )


def _winners(
    agents: Sequence[Candidate], asked: Sequence[Wanted], context: Context, matcher: Matcher
) -> list[str | None]:
    choices: Sequence[Choice] = matcher.match(MatchingTable(pool_of(agents), context), asked)
    return [choice.winner.id if choice.winner else None for choice in choices]


def _wanted(seed: int, count: int) -> list[Wanted]:
    filters: tuple[Filter, ...] = (
        TeamFilter(),
        SkillsFilter(),
        PresenceFilter(),
        CapacityFilter(),
    )
    scorers: tuple[tuple[Scorer, float], ...] = ((LeastLoaded(), 1.0), (SkillFit(), 0.5))
    pipeline = Pipeline(default_profile(), filters, scorers)
    return [Wanted(ticket, pipeline) for ticket in subjects(seed, count)[:count]]
