"""The report of a benchmark as Markdown."""

from typing import Any

_TITLES = {
    "baseline_http_64_per_s": "baseline: Flask + SQLAlchemy, a commit a request, 64 conns, /s",
    "intake_1_per_s": "accepted tickets, 1 connection, /s",
    "intake_1_p50_ms": "… median answer, ms",
    "intake_64_per_s": "accepted tickets, 64 connections, /s",
    "intake_64_p99_ms": "… p99 of the answer, ms",
    "dramatiq_chain_per_s": "baseline: three empty Dramatiq actors with confirms, /s",
    "pipeline_per_s": "whole pipeline, POST to received webhook, /s",
    "pipeline_p50_ms": "… 201 to webhook at full load, p50, ms",
    "pipeline_p99_ms": "… 201 to webhook at full load, p99, ms",
    "decisions_100_per_s": "decisions committed with 100 agents, /s",
    "decisions_10000_per_s": "… with 10,000 agents, /s",
    "decision_10000_p50_ms": "one decision in memory, 10,000 agents, p50, ms",
    "decision_10000_p99_ms": "… p99, ms",
    "refill_p50_ms": "a freed agent's next ticket, 100,000 waiting, p50, ms",
    "refill_p99_ms": "… p99, ms",
    "bulk_per_s": "bulk, until the last ticket is stored, intake with two processes, /s",
    "bulk_received_per_s": "… of it, until the 202, lines/s",
    "single_commit_per_s": "baseline: the same code, a commit a ticket, no HTTP, /s",
    "bulk_memory_lines": "lines of the body whose memory is measured",
    "bulk_memory_idle_mb": "… intake's memory before, MiB",
    "bulk_memory_peak_mb": "… at its peak, MiB",
    "live_alone_per_s": "live tickets alone, 64 connections, /s",
    "live_beside_bulk_per_s": "… beside a bulk body, /s",
    "live_routing_alone_p99_ms": "201 to agent at 50 live tickets/s, p99, ms",
    "live_routing_beside_bulk_p99_ms": "… beside a bulk body, p99, ms",
    "search_indexed_per_s": "tickets indexed by one indexer, /s",
    "search_tickets": "tickets searched",
    "search_p50_ms": "… answer over all kinds of questions, p50, ms",
    "search_p99_ms": "… p99, ms",
    "empty_posts_per_s": "accepted tickets of an empty database, 64 connections, /s",
    "stored_tickets": "tickets stored",
    "stored_posts_per_s": "… accepted tickets beside them, 64 connections, /s",
    "list_p50_ms": "… pages of lists and filters, p50, ms",
    "list_p99_ms": "… p99, ms",
    "bare_http_per_s": "baseline: a bare aiohttp loop posts the same bytes by HTTP, /s",
    "deliveries_http_per_s": "signed, recorded deliveries by HTTP, /s",
    "deliveries_http_cpu_ms": "… CPU of the notifier for each, ms",
    "bare_https_per_s": "baseline: a bare aiohttp loop by HTTPS, /s",
    "deliveries_https_per_s": "signed, recorded deliveries by HTTPS, /s",
    "due_at_once": "deliveries due at once",
    "due_at_once_per_s": "… drained, /s",
    "due_at_once_idle_mb": "… the notifier's memory before, MiB",
    "due_at_once_peak_mb": "… at its peak, MiB",
    "wide_first_s": "one event to 1,000 subscribers, the first time, s",
    "wide_s": "… the slowest of the others, s",
    "noisy_offered_per_s": "deliveries offered to 100 endpoints, half of what they can take, /s",
    "noisy_quiet_p99_ms": "… event to endpoint with all of them healthy, p99, ms",
    "noisy_sick_p50_ms": "… to healthy ones beside 10 % that hang and 10 % that fail, p50, ms",
    "noisy_sick_p99_ms": "… p99, ms",
    "noisy_sick_worst_ms": "… the worst, ms",
    "mail_bare_per_s": "baseline: the same bytes by a bare aiosmtplib loop, 4 connections, /s",
    "mail_per_s": "mails looked up, rendered, sent over the pool and recorded, /s",
    "mail_cpu_ms": "… CPU of the notifier for each, ms",
    "backlog_per_s": "backlog routed and delivered, /s",
    "backlog_routed_flatness": "… slowest over fastest tenth, routing",
    "backlog_delivered_flatness": "… slowest over fastest tenth, webhooks",
}


def render(result: dict[str, Any]) -> str:
    """Return the tables."""
    figures, machine = result["figures"], result["machine"]
    lines = [
        f"# Benchmark of {result['at']}",
        "",
        f"{machine['cores']} cores, {machine['memory_gb']} GiB, Python {machine['python']}; "
        "PostgreSQL, RabbitMQ, load generator and receiver on the same machine."
        + (" A quick run: figures are rough." if result["quick"] else ""),
        "",
        "| figure | value |",
        "| --- | ---: |",
    ]
    lines += [
        f"| {title} | {_number(figures[name])} |"
        for name, title in _TITLES.items()
        if name in figures
    ]
    for rate in (50, 300, 600):
        if f"at_{rate}_p99_ms" in figures:
            both = (
                f"{_number(figures[f'at_{rate}_p50_ms'])} / {_number(figures[f'at_{rate}_p99_ms'])}"
            )
            lines.append(f"| 201 to webhook at {rate} tickets/s, p50 / p99, ms | {both} |")
    for stage in ("routed", "delivered"):
        slices = figures.get(f"backlog_{stage}_by_slice")
        if slices:
            rates = " ".join(f"{rate:.0f}" for rate in slices)
            lines.append(f"| backlog {stage} by tenths, /s | {rates} |")
    lines += ["", "| ratio | value |", "| --- | ---: |"]
    lines += [f"| {name} | {value:.2f} |" for name, value in result["ratios"].items()]
    for name, title in (
        ("pipeline_cpu_ms", "CPU milliseconds a ticket"),
        ("bulk_cpu_ms", "CPU milliseconds a bulk ticket"),
        ("memory_mb", "memory, MiB"),
    ):
        if name in figures:
            lines += ["", f"| process | {title} |", "| --- | ---: |"]
            lines += [f"| {process} | {value:.2f} |" for process, value in figures[name].items()]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
