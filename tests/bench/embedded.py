"""Embedded mode: SQLite and the broker in memory, everything in one process."""

from pathlib import Path

from deploy.local.servers import Servers
from tests.bench.commits import quantiles
from tests.bench.desk import Figures, embedded_desk, furnish, per_ticket_ms, start_serve
from tests.bench.pipeline import at_full_rate, warm_up, webhook_waits


def embedded(servers: Servers, tickets: int, seconds: int, folder: Path) -> Figures:
    """POST to webhook as fast as 64 connections can send, and at half of that rate."""
    with embedded_desk(servers, folder.absolute()) as made:
        start_serve(made)
        furnish(made)
        warm_up(made)
        before = made.cpu()
        figures = at_full_rate(made, tickets, "embedded_pipeline")
        cpu = per_ticket_ms(before, made.cpu(), tickets)
        memory = made.memory_mb()
        rate = figures["embedded_pipeline_per_s"] / 2
        count = max(50, int(rate * seconds))
        made.ask_receiver("/reset")
        made.load(64, count, rate)
        if not made.wait_for_webhooks(count):
            raise RuntimeError("webhooks are missing")
        ordered = webhook_waits(made, made.ask_receiver("/times"))
    return {
        "embedded_posts_per_s": figures["embedded_pipeline_posts_per_s"],
        "embedded_post_p99_ms": figures["embedded_pipeline_post_p99_ms"],
        "embedded_pipeline_per_s": figures["embedded_pipeline_per_s"],
        **quantiles("embedded_at_half_webhook", ordered),
        "embedded_cpu_ms": {"serve": cpu["serve"]},
        "embedded_memory_mb": {"serve": memory["serve"]},
    }
