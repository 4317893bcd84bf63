"""`make bench`: measures Patchbay against baselines in the same run and writes a report."""

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import psutil

from deploy.local.packages import ensure_packages
from deploy.local.servers import Servers
from shared.observability.logging import configure_logging
from shared.settings import LogFormat
from tests.bench import bulk, deliveries, mail, routing, scenarios, search, stored
from tests.bench.report import render

SCENARIOS = (
    *("http", "pipeline", "open", "backlog", "routing", "bulk", "search", "stored"),
    *("deliveries", "noisy", "mail"),
)


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the work, for a look.")
@click.option("--only", type=click.Choice(SCENARIOS), multiple=True, help="Part of the whole.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/bench"),
    show_default=True,
    help="Where the report and the servers' data go.",
)
def main(*, quick: bool, only: tuple[str, ...], directory: Path) -> None:
    """Measure, print a table, write latest.json and latest.md."""
    configure_logging(LogFormat.AUTO, "WARNING", "bench")
    ensure_packages()
    directory.mkdir(parents=True, exist_ok=True)
    chosen, share = only or SCENARIOS, 10 if quick else 1
    figures: dict[str, Any] = {}
    report = ""
    with Servers(directory / "servers") as servers:
        for name, run in _plan(servers, directory, share).items():
            group, _, title = name.partition(": ")
            if group in chosen:
                click.echo(f"{title} …", err=True)
                figures |= run()
                # What was measured is kept if a later part fails.
                report = _write(directory, figures, quick=quick)
    for server in servers:
        server.remove()
    click.echo(report)


def _write(directory: Path, figures: dict[str, Any], *, quick: bool) -> str:
    """Write the report of what has been measured so far, and return it."""
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": psutil.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30),
            "python": platform.python_version(),
        },
        "quick": quick,
        "figures": figures,
        "ratios": _ratios(figures),
    }
    (directory / "latest.json").write_text(json.dumps(result, indent=2) + "\n")
    report = render(result)
    (directory / "latest.md").write_text(report)
    return report


def _plan(servers: Servers, directory: Path, share: int) -> dict[str, Any]:
    return {
        "http: Flask + SQLAlchemy, one commit a request": lambda: scenarios.commit_per_request(
            servers, 8000 // share
        ),
        "http: intake, 1 and 64 connections": lambda: scenarios.accepted(servers, 16_000 // share),
        "pipeline: three empty Dramatiq actors": lambda: scenarios.chain(
            servers, 8000 // share, directory
        ),
        "pipeline: POST to webhook, 64 connections": lambda: scenarios.pipeline(
            servers, 12_000 // share
        ),
        "open: 50, 300 and 600 tickets/s": lambda: scenarios.open_load(
            servers, [50, 300, 600], max(4, 20 // share)
        ),
        "backlog: tickets that waited for the workers": lambda: scenarios.backlog(
            servers, 100_000 // share
        ),
        "routing: decisions, 100 and 10,000 agents": lambda: routing.decisions(
            servers, 20_000 // share
        ),
        "routing: one decision in memory": lambda: routing.one_decision(20_000 // share),
        "bulk: tickets a second by one intake": lambda: bulk.rate(servers, 200_000 // share),
        "bulk: memory for a million lines": lambda: bulk.memory(servers, 1_000_000 // share),
        "bulk: live tickets beside 200,000 bulk ones": lambda: bulk.beside(
            servers, 200_000 // share, 12_000 // share, max(4, 15 // share)
        ),
        "routing: a freed agent, 100,000 waiting": lambda: routing.refill(
            servers, 100_000 // share, 200 // share
        ),
        "search: a million tickets": lambda: search.search(servers, 25_000, 40 // share),
        "deliveries: signed and recorded, by HTTP and HTTPS": lambda: deliveries.rates(
            servers, 30_000 // share, directory
        ),
        "deliveries: 100,000 due at once": lambda: deliveries.backlog(servers, 100_000 // share),
        "deliveries: one event to 1,000 subscribers": lambda: deliveries.wide(
            servers, max(2, 10 // share)
        ),
        "noisy: 10 % of receivers hang, 10 % answer 500": lambda: deliveries.noisy(
            servers, 20_000 // share, max(20, 60 // share), directory
        ),
        "mail: receipts to a local mail server": lambda: mail.mails(servers, 8_000 // share),
        "stored: beside a million tickets": lambda: stored.stored(
            servers, 25_000, 40 // share, 12_000 // share
        ),
    }


def _ratios(figures: dict[str, Any]) -> dict[str, float]:
    pairs = {
        "intake_64_vs_commit_per_request": ("intake_64_per_s", "baseline_http_64_per_s"),
        "pipeline_vs_dramatiq_chain": ("pipeline_per_s", "dramatiq_chain_per_s"),
        "decisions_10000_vs_100_agents": ("decisions_10000_per_s", "decisions_100_per_s"),
        "bulk_vs_single_commit": ("bulk_per_s", "single_commit_per_s"),
        "live_posts_beside_bulk": ("live_beside_bulk_per_s", "live_alone_per_s"),
        "posts_beside_a_million": ("stored_posts_per_s", "empty_posts_per_s"),
        "deliveries_vs_bare_loop_http": ("deliveries_http_per_s", "bare_http_per_s"),
        "deliveries_vs_bare_loop_https": ("deliveries_https_per_s", "bare_https_per_s"),
        "mail_vs_bare_loop": ("mail_per_s", "mail_bare_per_s"),
        "backlog_vs_dramatiq_chain": ("backlog_per_s", "dramatiq_chain_per_s"),
    }
    return {
        name: figures[above] / figures[below]
        for name, (above, below) in pairs.items()
        if above in figures and below in figures
    }


if __name__ == "__main__":
    main()
