"""What is asked of a filter."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from services.router.conformance.examples import candidates, contexts, needs
from services.router.conformance.plugin import Conformance, Examination, Question
from services.router.filters import Filter
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool, loaded
from services.router.pool_builder import PoolBuilder

#: Characters of a reason; more are cut off.
MAX_REASON = 200


def check_filter(
    plugin: Callable[..., Filter], *, max_us: float = 1000.0, **options: Any
) -> Conformance:
    """Check a filter class with the options given; raises NotConforming.

    Reasons are text; `stopped` says the same as `reject` of every agent; who is not stopped is not
    stopped by a higher load either, unless `moves` is true; and what is asked of every plugin.
    """
    examination: Examination[Filter] = Examination(plugin, Filter, options)  # type: ignore[type-abstract]
    agents, asked, given = candidates(1, 40), needs(2, 25), contexts()
    examination.keep(agents, asked, given)
    questions = [
        Question(f"of {agent.id} for {need.signature!r}", partial(_reject, need, agent, context))
        for context in given
        for need in asked
        for agent in agents
    ]
    filter_ = examination.build()
    for context in given:
        for need in asked:
            for agent in agents:
                _check_reason(examination, filter_, need, agent, context)
            _check_stopped(examination, filter_, need, agents, context)
    return examination.check_answers(questions, max_us)


def _reject(need: Need, agent: Candidate, context: Context, filter_: Filter) -> str | None:
    return filter_.reject(need, agent, context)


def _check_reason(
    examination: Examination[Filter],
    filter_: Filter,
    need: Need,
    agent: Candidate,
    context: Context,
) -> None:
    about = f"of {agent.id} for {need.signature!r}"
    reason = filter_.reject(need, agent, context)
    if reason is not None and not isinstance(reason, str):
        raise examination.fail(f"{about} it answered {reason!r}, neither text nor None")
    if reason is not None and not 0 < len(reason) <= MAX_REASON:
        raise examination.fail(f"{about} the reason must have 1 to {MAX_REASON} characters")
    if filter_.moves:
        return
    later = filter_.reject(need, loaded(agent, need.weight, context.now), context)
    if later != reason:
        raise examination.fail(
            f"`moves` is False, but {about} it answered {reason!r}, and {later!r} once the agent "
            f"got a ticket"
        )


def _check_stopped(
    examination: Examination[Filter],
    filter_: Filter,
    need: Need,
    agents: Sequence[Candidate],
    context: Context,
) -> None:
    pool = _pool_with_a_hole(agents)
    everyone = pool.facts.everyone
    for among in (everyone, everyone & 0x5555_5555_5555, 0):
        one_by_one = {
            agent.id: reason
            for agent in pool.members(among)
            if (reason := filter_.reject(need, agent, context)) is not None
        }
        at_once: dict[str, str] = {}
        for reason, positions in filter_.stopped(need, pool, among, context):
            if not isinstance(positions, int) or positions & ~among:
                raise examination.fail("`stopped` must answer with sets within the one given")
            for agent in pool.members(positions):
                if agent.id in at_once:
                    raise examination.fail(f"`stopped` names {agent.id} under two reasons")
                at_once[agent.id] = reason
        if at_once != one_by_one:
            differ = sorted(set(at_once.items()) ^ set(one_by_one.items()))
            raise examination.fail(
                f"`stopped` and `reject` differ for {need.signature!r}: {differ[:3]}"
            )


def _pool_with_a_hole(agents: Sequence[Candidate]) -> Pool:
    """Return a pool from which somebody left, as it is in production."""
    builder = PoolBuilder(agents)
    builder.remove(agents[0].id)
    return builder.pool()
