"""What is asked of a scorer."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from random import Random
from typing import Any

from services.router.conformance.examples import candidates, contexts, subject, subjects
from services.router.conformance.plugin import Conformance, Examination, Question
from services.router.model import Candidate, Context, Subject
from services.router.pool import loaded
from services.router.scorers import Scorer


def check_scorer(
    plugin: Callable[..., Scorer], *, max_us: float = 1000.0, **options: Any
) -> Conformance:
    """Check a scorer class with the options given; raises NotConforming.

    Scores are numbers from 0 to 1; they do not change with the load and idle time unless `moves`
    is true, nor between tickets of the same need unless `personal` is true; and what is asked of
    every plugin.
    """
    examination: Examination[Scorer] = Examination(plugin, Scorer, options)  # type: ignore[type-abstract]
    agents, tickets, given = candidates(3, 25), subjects(4, 25), contexts()
    examination.keep(agents, tickets, given)
    scorer = examination.build()
    questions = []
    for context in given:
        for ticket in tickets:
            for agent in agents:
                _check_score(examination, scorer, ticket, agent, context)
                about = f"of {agent.id} for {ticket.id}"
                questions.append(Question(about, partial(_score, ticket, agent, context)))
    return examination.check_answers(questions, max_us)


def _score(ticket: Subject, agent: Candidate, context: Context, scorer: Scorer) -> float:
    return scorer.score(ticket, agent, context)


def _check_score(
    examination: Examination[Scorer],
    scorer: Scorer,
    ticket: Subject,
    agent: Candidate,
    context: Context,
) -> None:
    about = f"of {agent.id} for {ticket.id}"
    value = scorer.score(ticket, agent, context)
    if not isinstance(value, Real) or not math.isfinite(value) or not 0 <= value <= 1:
        raise examination.fail(f"{about} it answered {value!r}, not a number from 0 to 1")
    if not scorer.moves:
        later = scorer.score(ticket, loaded(agent, ticket.need.weight, context.now), context)
        if later != value:
            raise examination.fail(
                f"`moves` is False, but {about} it answered {value!r}, and {later!r} once the "
                f"agent got a ticket"
            )
    if not scorer.personal:
        lots = Random(f"{ticket.id} {agent.id}")  # noqa: S311 -- examples, no secrets
        other = subject(lots, lots.randrange(10**6), ticket.need)
        differs = scorer.score(other, agent, context)
        if differs != value:
            raise examination.fail(
                f"`personal` is False, but of {agent.id} it answered {value!r} for one ticket and "
                f"{differs!r} for another one with the same need"
            )
