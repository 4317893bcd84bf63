"""What is measured: each scenario returns its figures by name."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import exists, func, select

from deploy.local.servers import Servers
from deploy.local.waiting import wait_until
from shared.db import ticket_changes
from shared.db.engine import Database
from shared.db.models import Assignment, OutboxEntry, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.domain.clock import SystemClock
from shared.domain.work import WorkState
from shared.schemas.ticket import CreateTicketSchema
from tests.bench.desk import (
    PATIENCE_S,
    desk,
    furnish,
    per_ticket_ms,
    start_intake,
    start_workers,
)
from tests.bench.load import percentile

Figures = dict[str, Any]

CHAIN_PROCESSES = 2
BACKLOG_SLICE = 10_000


def commit_per_request(servers: Servers, requests: int) -> Figures:
    """Flask and SQLAlchemy, one commit for each request, at 64 connections."""
    with desk(servers, "baseline_http") as made:
        port = made.settings["PATCHBAY_PORT"]
        made.start("baseline", "-m", "tests.bench.serve_baseline", port)
        wait_until(lambda: listens(int(port)), PATIENCE_S)
        made.load(64, 500)
        figures = made.load(64, requests)
    return {
        "baseline_http_64_per_s": figures["per_s"],
        "baseline_http_64_p99_ms": figures["p99_ms"],
    }


def accepted(servers: Servers, requests: int) -> Figures:
    """Intake alone, on one connection and on 64."""
    with desk(servers, "accepted") as made:
        start_intake(made)
        furnish(made)
        made.load(64, 500)
        one = made.load(1, requests // 8)
        before = made.cpu()
        many = made.load(64, requests)
        cpu = per_ticket_ms(before, made.cpu(), requests)
    return {
        "intake_1_per_s": one["per_s"],
        "intake_1_p50_ms": one["p50_ms"],
        "intake_64_per_s": many["per_s"],
        "intake_64_p99_ms": many["p99_ms"],
        "intake_64_cpu_ms": {name: cpu[name] for name in ("intake", "postgresql")},
    }


def chain(servers: Servers, messages: int, folder: Path) -> Figures:
    """Three empty Dramatiq actors in a row, with confirms."""
    url = servers.rabbitmq.create_vhost("baseline_chain")
    done = folder / "chain.done"
    done.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.bench.baseline_chain", url, str(done)]
    workers = [subprocess.Popen(command) for _ in range(CHAIN_PROCESSES)]
    try:
        subprocess.run([*command, "--send", "400"], check=True)
        wait_until(lambda: _size(done) >= 400, PATIENCE_S)
        started = time.perf_counter()
        subprocess.run([*command, "--send", str(messages)], check=True)
        if not wait_until(lambda: _size(done) >= 400 + messages, PATIENCE_S):
            raise RuntimeError("the chain did not finish")
        seconds = time.perf_counter() - started
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(20)
    return {"dramatiq_chain_per_s": messages / seconds}


def pipeline(servers: Servers, tickets: int) -> Figures:
    """POST to the received webhook, as fast as 64 connections can send."""
    with desk(servers, "pipeline") as made:
        start_intake(made)
        furnish(made)
        start_workers(made)
        made.load(64, 500)
        made.wait_for_webhooks(500)
        made.ask_receiver("/reset")
        before = made.cpu()
        load = made.load(64, tickets)
        if not made.wait_for_webhooks(tickets):
            raise RuntimeError("webhooks are missing")
        cpu = per_ticket_ms(before, made.cpu(), tickets)
        received, sent = made.ask_receiver("/times"), load["accepted"]
        seconds = max(received.values()) - (min(sent.values()) - load["p50_ms"] / 1000)
        latencies = sorted(received[ticket] - sent[ticket] for ticket in sent)
        memory = made.memory_mb()
    return {
        "pipeline_per_s": tickets / seconds,
        "pipeline_p50_ms": percentile(latencies, 0.5) * 1000,
        "pipeline_p99_ms": percentile(latencies, 0.99) * 1000,
        "pipeline_cpu_ms": cpu,
        "memory_mb": memory,
    }


def open_load(servers: Servers, rates: list[int], seconds: int) -> Figures:
    """201 to webhook received, at given rates of arrival."""
    figures: Figures = {}
    with desk(servers, "open_load") as made:
        start_intake(made)
        furnish(made)
        start_workers(made)
        made.load(16, 500)
        made.wait_for_webhooks(500)
        for rate in rates:
            made.ask_receiver("/reset")
            tickets = rate * seconds
            load = made.load(64, tickets, rate)
            if not made.wait_for_webhooks(tickets):
                raise RuntimeError("webhooks are missing")
            received, sent = made.ask_receiver("/times"), load["accepted"]
            latencies = sorted(received[ticket] - sent[ticket] for ticket in sent)
            figures[f"at_{rate}_p50_ms"] = percentile(latencies, 0.5) * 1000
            figures[f"at_{rate}_p99_ms"] = percentile(latencies, 0.99) * 1000
            figures[f"at_{rate}_post_p99_ms"] = load["p99_ms"]
    return figures


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


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    return any(
        each.laddr.port == port and each.status == psutil.CONN_LISTEN
        for each in psutil.net_connections("tcp4")
    )


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


def _size(path: Path) -> int:
    time.sleep(0.02)
    return path.stat().st_size if path.exists() else 0
