"""How many tickets a second intake accepts, against what one would write first."""

import psutil

from deploy.local.servers import Servers
from shared.waiting import wait_until
from tests.bench.desk import (
    PATIENCE_S,
    Desk,
    Figures,
    desk,
    furnish,
    per_ticket_ms,
    start_intake,
)
from tests.bench.turns import TURNS, medians


def by_turns(servers: Servers, requests: int) -> Figures:
    """Intake and what one would write first, by turns."""
    found = [
        _commit_per_request(servers, turn, requests) | _accepted(servers, turn, requests)
        for turn in range(TURNS)
    ]
    return medians(found, ("intake_64_per_s", "baseline_http_64_per_s"))


def _commit_per_request(servers: Servers, turn: int, requests: int) -> Figures:
    """Flask and SQLAlchemy, one commit for each request, at 64 connections."""
    with desk(servers, f"baseline_http_{turn}") as made:
        port = made.settings["PATCHBAY_PORT"]
        made.start("baseline", "-m", "tests.bench.serve_baseline", port)
        wait_until(lambda: listens(int(port)), PATIENCE_S)
        _warmed_up(made, requests)
        figures = made.load(64, requests)
    return {
        "baseline_http_64_per_s": figures["per_s"],
        "baseline_http_64_p99_ms": figures["p99_ms"],
    }


def _accepted(servers: Servers, turn: int, requests: int) -> Figures:
    """Intake alone, on one connection and on 64."""
    with desk(servers, f"accepted_{turn}") as made:
        start_intake(made)
        furnish(made)
        one = _warmed_up(made, requests)
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


def _warmed_up(made: Desk, requests: int) -> Figures:
    """Do the same before either is measured at 64 connections; return the figures of one."""
    made.load(64, 500)
    return made.load(1, requests // 8)


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    return any(
        each.laddr.port == port and each.status == psutil.CONN_LISTEN
        for each in psutil.net_connections("tcp4")
    )
