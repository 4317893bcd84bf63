"""The figures of the README: what most readers want to know, from the same run as the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.document.model import Values, number
from tests.bench.document.render import machine_line, table

BEGIN = "<!-- Figures of the last run; written by: python -m tests.bench --write-docs -->"
END = "<!-- End of the figures. -->"


@dataclass(frozen=True, slots=True)
class Beside:
    """A rate beside its baseline in the same run."""

    what: str
    ours: str
    baseline: str
    described: str
    ratio: str


@dataclass(frozen=True, slots=True)
class Waited:
    """A time: the figures of its median and of its 99th percentile, in milliseconds."""

    what: str
    p50: str
    p99: str


RATES = (
    Beside(
        "accepted tickets, 64 connections",
        "intake_64_per_s",
        "baseline_http_64_per_s",
        "Flask + SQLAlchemy, a commit a request",
        "intake_64_vs_commit_per_request",
    ),
    Beside(
        "POST to received, signed webhook, tickets",
        "pipeline_per_s",
        "dramatiq_chain_per_s",
        "three empty Dramatiq tasks in a row, with confirms",
        "pipeline_vs_dramatiq_chain",
    ),
    Beside(
        "the same",
        "pipeline_per_s",
        "celery_chain_per_s",
        "three empty Celery tasks, with acks_late and confirms",
        "pipeline_vs_celery_chain",
    ),
    Beside(
        "100,000 tickets that had waited for the router, routed and delivered",
        "backlog_per_s",
        "dramatiq_chain_per_s",
        "three empty Dramatiq tasks in a row, with confirms",
        "backlog_vs_dramatiq_chain",
    ),
    Beside(
        "signed webhooks to 100 endpoints, recorded, by one notifier",
        "deliveries_http_per_s",
        "bare_http_per_s",
        "a bare aiohttp loop that posts the same bytes",
        "deliveries_vs_bare_loop_http",
    ),
    Beside(
        "tickets in bulk, from the first byte to the last one stored, intake with two processes",
        "bulk_per_s",
        "single_commit_per_s",
        "the same code, a commit a ticket, no HTTP",
        "bulk_vs_single_commit",
    ),
    Beside(
        "accepted tickets with a million stored",
        "growth_full_posts_per_s",
        "growth_empty_posts_per_s",
        "an empty database",
        "posts_beside_a_million",
    ),
)
TIMES = (
    Waited(
        "created to assigned, at half of the most that goes through",
        "at_50_assigned_p50_ms",
        "at_50_assigned_p99_ms",
    ),
    Waited("… to received webhook", "at_50_webhook_p50_ms", "at_50_webhook_p99_ms"),
    Waited(
        "event to healthy endpoint, beside 10 % that hang and 10 % that fail",
        "noisy_sick_p50_ms",
        "noisy_sick_p99_ms",
    ),
    Waited(
        "pages of lists and filters, a million tickets",
        "growth_large_list_p50_ms",
        "growth_large_list_p99_ms",
    ),
    Waited("searches, a million tickets", "search_p50_ms", "search_p99_ms"),
)


def with_figures(readme: str, result: Mapping[str, Any]) -> str:
    """Return the README with the figures of a result between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    values: Values = {**result["figures"], **result["ratios"]}
    lines = [BEGIN, "", *_rates(values), *_times(values), machine_line(result), "", END]
    return before + "\n".join(lines) + after


def _rates(values: Values) -> Iterator[str]:
    found = [each for each in RATES if each.ratio in values]
    yield from table(
        ("a second", "Patchbay", "baseline", "ratio", "the baseline is"),
        (
            (
                each.what,
                number(values[each.ours]),
                number(values[each.baseline]),
                number(values[each.ratio]),
                each.described,
            )
            for each in found
        ),
    )


def _times(values: Values) -> Iterator[str]:
    found = [each for each in TIMES if each.p99 in values]
    yield from table(
        ("milliseconds", "p50", "p99"),
        ((each.what, number(values[each.p50]), number(values[each.p99])) for each in found),
    )
