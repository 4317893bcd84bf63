"""What more worker processes bring: of each kind alone, and of all kinds."""

from typing import Any

from deploy.local.servers import Servers
from tests.bench.conditions import noted
from tests.bench.desk import Figures, desk, furnish, start_intake, start_workers
from tests.bench.pipeline import at_full_rate, warm_up

COUNTS = (2, 4)
KINDS = ("intake", "router", "notifier")


def scaling(servers: Servers, tickets: int) -> Figures:
    """POST to webhook with one process of each, with more of one kind and with more of all."""
    figures = _run(servers, tickets, "workers_one", dict.fromkeys(KINDS, 1))
    for count in COUNTS:
        more = {kind: {**dict.fromkeys(KINDS, 1), kind: count} for kind in KINDS}
        more["all"] = dict.fromkeys(KINDS, count)
        for name, processes in more.items():
            figures |= _run(servers, tickets, f"workers_{name}_{count}", processes)
    return figures


def _run(servers: Servers, tickets: int, name: str, processes: dict[str, int]) -> Figures:
    notes: list[dict[str, Any]] = []
    with desk(servers, name) as made:
        start_intake(made, processes["intake"])
        furnish(made)
        for kind in ("router", "notifier"):
            start_workers(made, kind, processes=processes[kind])
        warm_up(made)
        with noted(name, notes):
            found = at_full_rate(made, tickets, name)
    return {f"{name}_per_s": found[f"{name}_per_s"], f"{name}_busy": notes[0]["busy"]}
