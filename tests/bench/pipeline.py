"""The whole way of a ticket: how many a second, how soon at a share of that, and a backlog."""

from itertools import pairwise
from pathlib import Path

from sqlalchemy import exists, func, select

from deploy.local.servers import Servers
from shared.db import ticket_changes
from shared.db.engine import Database
from shared.db.models import Assignment, OutboxEntry, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.domain.clock import SystemClock
from shared.domain.work import WorkState
from shared.schemas.ticket import CreateTicketSchema
from shared.waiting import wait_until
from tests.bench import chains
from tests.bench.commits import quantiles, waits
from tests.bench.desk import (
    PATIENCE_S,
    Desk,
    Figures,
    desk,
    furnish,
    per_ticket_ms,
    start_intake,
    start_workers,
)
from tests.bench.turns import TURNS, medians

SHARES = (25, 50, 75, 100)
BACKLOG_SLICE = 10_000


def pipeline(servers: Servers, tickets: int, seconds: int, messages: int, folder: Path) -> Figures:
    """Return how the whole way does beside a chain of empty tasks, by turns."""
    found = [
        chains.dramatiq(servers, turn, messages, folder)
        | _whole_way(servers, turn, tickets, seconds)
        for turn in range(TURNS)
    ]
    return medians(found, ("pipeline_per_s", "dramatiq_chain_per_s"))


def _whole_way(servers: Servers, turn: int, tickets: int, seconds: int) -> Figures:
    """POST to the received webhook: as fast as 64 connections can send, then at shares of that."""
    with desk(servers, f"pipeline_{turn}") as made:
        start_intake(made)
        furnish(made)
        start_workers(made)
        warm_up(made)
        before = made.cpu()
        figures = at_full_rate(made, tickets, "pipeline")
        figures["pipeline_cpu_ms"] = per_ticket_ms(before, made.cpu(), tickets)
        figures["memory_mb"] = made.memory_mb()
        for share in SHARES:
            rate = figures["pipeline_per_s"] * share / 100
            figures |= at_rate(made, rate, max(50, int(rate * seconds)), f"at_{share}")
    return figures


def warm_up(made: Desk) -> None:
    """Send the first tickets, which open connections and fill caches."""
    made.load(64, 500)
    if not made.wait_for_webhooks(500):
        raise RuntimeError("webhooks are missing")


def at_full_rate(made: Desk, tickets: int, name: str) -> Figures:
    """Return tickets a second from the first POST to the last webhook, and how long one took."""
    made.ask_receiver("/reset")
    load = made.load(64, tickets)
    if not made.wait_for_webhooks(tickets):
        raise RuntimeError("webhooks are missing")
    received = made.ask_receiver("/times")
    began = min(load["accepted"].values()) - load["p50_ms"] / 1000
    return {
        f"{name}_per_s": tickets / (max(received.values()) - began),
        f"{name}_posts_per_s": load["per_s"],
        f"{name}_post_p99_ms": load["p99_ms"],
        **quantiles(name, webhook_waits(made, received)),
    }


def at_rate(made: Desk, rate: float, tickets: int, name: str) -> Figures:
    """Return how soon tickets that come at a given rate are answered, assigned and told of."""
    made.ask_receiver("/reset")
    load = made.load(64, tickets, rate)
    if not made.wait_for_webhooks(tickets):
        raise RuntimeError("webhooks are missing")
    found = waits(made.settings["PATCHBAY_DATABASE_URL"], made.ask_receiver("/times"))
    return {
        f"{name}_offered_per_s": rate,
        **quantiles(f"{name}_assigned", found["assigned"]),
        **quantiles(f"{name}_webhook", found["webhook"]),
        f"{name}_post_p50_ms": load["p50_ms"],
        f"{name}_post_p99_ms": load["p99_ms"],
    }


def webhook_waits(made: Desk, received: dict[str, float]) -> list[float]:
    """Return ordered milliseconds from `created_at` to the webhook, on any database."""
    database = Database(made.settings["PATCHBAY_DATABASE_URL"])
    created = select(table(Ticket).c.id, table(Ticket).c.created_at)
    with database.reading() as connection:
        rows = connection.execute(created).all()
    database.close()
    return sorted(
        (received[row.id] - row.created_at.timestamp()) * 1000 for row in rows if row.id in received
    )


def backlog(servers: Servers, tickets: int) -> Figures:
    """A backlog that waited for the router, routed and delivered: is the rate flat?

    The notifier is up while the tickets wait, as it would be: what is measured is their way from
    waiting to the webhook that tells of the agent, not the telling of their creation.
    """
    step = min(BACKLOG_SLICE, tickets)
    with desk(servers, "backlog") as made:
        start_intake(made)
        furnish(made)
        made.stop("intake")
        start_workers(made, "notifier")
        database = Database(made.settings["PATCHBAY_DATABASE_URL"])
        _fill(database, tickets)
        if not wait_until(lambda: not _events_left(database), PATIENCE_S):
            raise RuntimeError("the events of the waiting tickets were not fanned out")
        start_workers(made, "router")
        for goal in range(step, tickets + 1, step):
            if not made.wait_for_webhooks(goal):
                raise RuntimeError(f"the backlog stopped before {goal}")
        received = sorted(made.ask_receiver("/times").values())
        routed = _moments_of_assignment(database)
        database.close()
    began = routed[0]
    assigned_by_slice = _rates(began, routed, step)
    delivered_by_slice = _rates(began, received, step)
    return {
        "backlog_tickets": tickets,
        "backlog_per_s": tickets / (received[-1] - began),
        "backlog_routed_by_slice": assigned_by_slice,
        "backlog_delivered_by_slice": delivered_by_slice,
        "backlog_routed_flatness": min(assigned_by_slice) / max(assigned_by_slice),
        "backlog_delivered_flatness": min(delivered_by_slice) / max(delivered_by_slice),
    }


def _fill(database: Database, tickets: int) -> None:
    content = CreateTicketSchema().load(
        {
            "subject": "VPN drops",
            "description": "The tunnel comes up and drops again. " * 8,
            "requester": {"name": "Mira Petrova", "email": "mira@example.com"},
            "team": "network",
            "required_skills": [{"skill": "vpn", "level": 2}],
        }
    )
    for _ in range(0, tickets, 1000):
        with database.transaction() as tx:
            new = [NewTicket(content, "bench", "bench")] * min(1000, tickets)
            ticket_changes.create(tx, new, SystemClock().now())
    ready = select(func.count()).where(table(Ticket).c.work_state == WorkState.READY)
    with database.reading() as connection:
        assert connection.execute(ready).scalar_one() == tickets


def _events_left(database: Database) -> bool:
    with database.reading() as connection:
        return bool(connection.execute(select(exists(table(OutboxEntry).select()))).scalar_one())


def _moments_of_assignment(database: Database) -> list[float]:
    started_at = table(Assignment).c.started_at
    with database.reading() as connection:
        moments = connection.execute(select(started_at).order_by(started_at)).scalars()
        return [moment.timestamp() for moment in moments]


def _rates(began: float, moments: list[float], step: int) -> list[float]:
    """Return how many a second there were in each slice of `step` moments."""
    marks = [began, *moments[step - 1 :: step]]
    return [step / (after - before) for before, after in pairwise(marks)]
