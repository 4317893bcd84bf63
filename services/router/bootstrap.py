"""Puts the router together from a runtime; the same for every host and the tests."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.router import advance_tickets, run_clocks, wake_tickets
from services.router.advance_tickets import AdvanceTickets
from services.router.answer_questions import AnswerQuestions
from services.router.match_agents import MatchAgents
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from services.router.run_clocks import RunClocks
from services.router.wake_tickets import WakeTickets
from shared.db.housekeeping import (
    forget_dry_runs,
    forget_idempotency_keys,
    forget_requirements,
    forget_shadow_decisions,
    look_again,
)
from shared.db.performance import count_performance
from shared.db.soundness.census import Census
from shared.db.work_lists import (
    AGENTS_TO_MATCH,
    QUESTIONS,
    REQUIREMENTS_TO_MATCH,
    TICKETS_TO_ROUTE,
)
from shared.domain.work import ListName
from shared.messaging.list_runner import ListRunner
from shared.messaging.timers import PeriodicJob
from shared.messaging.worker_host import Bound, Service
from shared.runtime import Runtime
from shared.settings import life_rules

FORGET_KEYS_EVERY = timedelta(minutes=10)
COUNT_PERFORMANCE_EVERY = timedelta(hours=1)
FORGET_SHADOWS_EVERY = timedelta(hours=1)
LOOK_AGAIN_EVERY = timedelta(seconds=30)
COUNT_TICKETS_EVERY = timedelta(seconds=60)


def build(runtime: Runtime) -> Service:
    """Return the router as a service."""
    batch_size = runtime.settings.batch_size
    repository = RouterRepository()
    parts = (runtime.database, runtime.clock, runtime.ring, repository, batch_size)
    route = ListRunner(
        ListName.ROUTING, RouteTickets(*parts), full_batch=batch_size, ring=runtime.ring
    )
    match = ListRunner(
        ListName.MATCHING, MatchAgents(*parts), full_batch=batch_size, ring=runtime.ring
    )
    wake = ListRunner(
        ListName.WAKING,
        WakeTickets(runtime.database, runtime.clock, runtime.ring, batch_size),
        full_batch=batch_size,
        ring=runtime.ring,
    )
    advance = ListRunner(
        ListName.LIFE,
        AdvanceTickets(
            runtime.database,
            runtime.clock,
            runtime.ring,
            life_rules(runtime.settings),
            batch_size,
        ),
        full_batch=batch_size,
        ring=runtime.ring,
    )
    clocks = ListRunner(
        ListName.SLA,
        RunClocks(runtime.database, runtime.clock, runtime.ring, batch_size),
        full_batch=batch_size,
        ring=runtime.ring,
    )
    answer = ListRunner(
        ListName.QUESTIONS, AnswerQuestions(*parts), full_batch=batch_size, ring=runtime.ring
    )
    census = Census(runtime.database)
    return Service(
        "router",
        [
            Bound(route, TICKETS_TO_ROUTE.has_ready, TICKETS_TO_ROUTE.next_due),
            Bound(match, _matching_ready, AGENTS_TO_MATCH.next_due),
            Bound(answer, QUESTIONS.has_ready, QUESTIONS.next_due),
            Bound(wake, wake_tickets.has_ready, wake_tickets.next_due),
            Bound(advance, advance_tickets.has_ready, advance_tickets.next_due),
            Bound(clocks, run_clocks.has_ready, run_clocks.next_due),
        ],
        jobs=[
            PeriodicJob(
                "forget idempotency keys",
                FORGET_KEYS_EVERY,
                lambda now: forget_idempotency_keys(runtime.database, now),
            ),
            PeriodicJob(
                "forget requirements",
                FORGET_KEYS_EVERY,
                lambda _: forget_requirements(runtime.database),
            ),
            PeriodicJob(
                "forget dry runs",
                FORGET_KEYS_EVERY,
                lambda now: forget_dry_runs(runtime.database, now),
            ),
            PeriodicJob(
                "count performance",
                COUNT_PERFORMANCE_EVERY,
                lambda now: count_performance(runtime.database, now),
            ),
            PeriodicJob(
                "forget shadow decisions",
                FORGET_SHADOWS_EVERY,
                lambda now: forget_shadow_decisions(runtime.database, now),
            ),
            PeriodicJob("census", COUNT_TICKETS_EVERY, census, leave=census.forget),
            PeriodicJob(
                "look again", LOOK_AGAIN_EVERY, lambda now: look_again(runtime.database, now)
            ),
        ],
    )


def _matching_ready(connection: Connection, before: datetime) -> bool:
    return AGENTS_TO_MATCH.has_ready(connection, before) or REQUIREMENTS_TO_MATCH.has_ready(
        connection, before
    )
