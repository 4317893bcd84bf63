"""Prometheus metrics, defined once for all services, safe with many processes.

With `PROMETHEUS_MULTIPROC_DIR` set (the hosts that start several processes set it), every process
writes to files in that folder and whoever serves /metrics adds them up. prometheus-client looks at
the variable when it is imported, so it must be in the environment of a process from its beginning.

What lies in the database is no matter of one process: see `shared.observability.figures`.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    multiprocess,
)
from prometheus_client.registry import Collector

from shared.observability.figures import board

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
#: Of what may wait for as long as a receiver, or everything, is away.
_WAITS = (*_SECONDS, 60, 300, 1800, 3600, 21_600)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

batch_rows = Histogram(
    "patchbay_batch_rows", "Rows handled by one batch of a work list.", ["list"], buckets=_ROWS
)
batch_seconds = Histogram(
    "patchbay_batch_seconds",
    "Time one batch took, from claim to commit.",
    ["list"],
    buckets=_SECONDS,
)
batches_failed = Counter(
    "patchbay_batches_failed_total",
    "Batches that ended with an error; their rows are still on the list.",
    ["list", "reason"],
)
rows_failed = Counter(
    "patchbay_rows_failed_total",
    "Rows whose handling failed, by what became of them.",
    ["list", "outcome"],
)
watch_found = Counter(
    "patchbay_watch_batches_total", "Batches that the watch and not a doorbell brought.", ["list"]
)
spans = Counter(
    "patchbay_spans_total", "Spans by what became of them: exported, failed, dropped.", ["outcome"]
)
doorbells = Counter(
    "patchbay_doorbells_total",
    "Doorbells by what became of them: rung, merged, published, failed, received, empty.",
    ["list", "outcome"],
)
broker_unreachable = Gauge(
    "patchbay_broker_unreachable",
    "1 while doorbells do not get through.",
    multiprocess_mode="livemax",
)
timers_leading = Gauge(
    "patchbay_timers_leading",
    "1 in the process whose timers run, 0 in those that would take over.",
    ["timers"],
    multiprocess_mode="livesum",
)
worker_threads = Gauge(
    "patchbay_worker_threads", "Threads that handle doorbells.", multiprocess_mode="livesum"
)
worker_threads_busy = Gauge(
    "patchbay_worker_threads_busy",
    "Threads that handle a doorbell in this moment.",
    multiprocess_mode="livesum",
)
database_pool_size = Gauge(
    "patchbay_database_pool_size",
    "Connections to the database that there may be; 0 where there is no bound.",
    multiprocess_mode="livesum",
)
database_pool_used = Gauge(
    "patchbay_database_pool_used",
    "Connections to the database that are in use.",
    multiprocess_mode="livesum",
)
database_pool_wait_seconds = Histogram(
    "patchbay_database_pool_wait_seconds",
    "From the wish for a connection to the database to having it.",
    buckets=_SECONDS,
)
decisions = Counter(
    "patchbay_routing_decisions_total", "Routing decisions by outcome.", ["outcome"]
)
plugin_faults = Counter(
    "patchbay_routing_plugin_faults_total",
    "Plugins that failed and were left out of decisions.",
    ["kind", "plugin"],
)
rule_errors = Counter(
    "patchbay_routing_rule_errors_total",
    "Conditions of routing rules that had no answer for a ticket; the decisions say which.",
)
lost_races = Counter(
    "patchbay_routing_lost_races_total", "Guarded binds that found the agent full."
)
shadow_batches = Counter(
    "patchbay_routing_shadow_batches_total",
    "Batches of teams with a shadow profile, by what became of the comparison.",
    ["outcome"],
)
deliveries = Counter(
    "patchbay_deliveries_total",
    "Delivery attempts by channel and outcome.",
    ["channel", "outcome"],
)
delivery_seconds = Histogram(
    "patchbay_delivery_seconds",
    "Duration of one delivery attempt.",
    ["channel"],
    buckets=_SECONDS,
)
delivery_wait_seconds = Histogram(
    "patchbay_delivery_wait_seconds",
    "From the moment a delivery is due to its attempt.",
    ["channel"],
    buckets=_WAITS,
)
deliveries_in_flight = Gauge(
    "patchbay_deliveries_in_flight",
    "Deliveries under way, each of which holds a place.",
    ["channel"],
    multiprocess_mode="livesum",
)
delivery_places = Gauge(
    "patchbay_delivery_places",
    "Deliveries that may be under way at once.",
    ["channel"],
    multiprocess_mode="livesum",
)
webhook_connections = Counter(
    "patchbay_webhook_connections_total", "Connections to receivers that were opened."
)
name_lookups = Counter(
    "patchbay_webhook_name_lookups_total",
    "Host names of webhooks by what became of them.",
    ["result"],
)
mail_paused = Gauge(
    "patchbay_mail_paused",
    "1 while mail rests because the mail server refuses the desk itself.",
    multiprocess_mode="livemax",
)
mail_refusals = Counter(
    "patchbay_mail_refusals_total", "Refusals of the desk itself by the mail server: login, sender."
)
requests = Counter(
    "patchbay_http_requests_total",
    "HTTP requests by route and status.",
    ["method", "route", "status"],
)
request_seconds = Histogram(
    "patchbay_http_request_seconds",
    "Time to answer an HTTP request.",
    ["route"],
    buckets=_SECONDS,
)
http_threads = Gauge(
    "patchbay_http_threads", "Threads that answer requests.", multiprocess_mode="livesum"
)
http_threads_busy = Gauge(
    "patchbay_http_threads_busy",
    "Threads that work on an answer; those of event streams are counted apart.",
    multiprocess_mode="livesum",
)
commit_waiting = Gauge(
    "patchbay_commit_waiting",
    "New tickets that wait for the next group commit.",
    multiprocess_mode="livesum",
)
commit_rows = Histogram("patchbay_commit_rows", "New tickets in one group commit.", buckets=_ROWS)
commit_seconds = Histogram(
    "patchbay_commit_seconds", "Time one group commit took.", buckets=_SECONDS
)
commits_failed = Counter(
    "patchbay_commits_failed_total",
    "Group commits that failed: unavailable, or split into their tickets.",
    ["outcome"],
)
streams = Gauge(
    "patchbay_event_streams", "Event streams that are open.", multiprocess_mode="livesum"
)
feed_lag = Gauge(
    "patchbay_feed_lag_seconds",
    "Age of the oldest event that the feed holds back because a transaction runs for long.",
    multiprocess_mode="livemax",
)
search_lag = Gauge(
    "patchbay_search_lag_seconds",
    "Time from a change of a ticket to its being found, as of the last batch.",
    multiprocess_mode="livemax",
)
tickets_unaccounted = Gauge(
    "patchbay_tickets_unaccounted",
    "Tickets that no list looks at and nobody has; any is a fault. Of the process with the timers.",
    multiprocess_mode="livemax",
)
census_at = Gauge(
    "patchbay_census_timestamp_seconds",
    "When tickets were last counted, in Unix time.",
    multiprocess_mode="livemax",
)


REGISTRY.register(board)


def shared() -> bool:
    """Tell whether this process writes its metrics where others can read them."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


def render() -> tuple[bytes, str]:
    """Return the exposition of all metrics and its content type."""
    if shared():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        _forget_the_dead(folder)
        registry = CollectorRegistry()
        registry.register(_AddedUp(folder))
        registry.register(board)
        return generate_latest(registry), CONTENT_TYPE_LATEST
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


class _AddedUp(Collector):
    """What all processes wrote; a file that one is making in this very moment is empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = []
        for path in self._folder.glob("*.db"):
            with suppress(FileNotFoundError):
                files += [str(path)] if path.stat().st_size else []
        found: Iterable[Metric] = multiprocess.MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return found


_LIVE = re.compile(r"gauge_live[a-z]+_(\d+)\.db")


def _forget_the_dead(folder: Path) -> None:
    """Delete the live gauges of processes that are gone: the HTTP server tells nobody of its own.

    Their counters stay, for what they counted has happened.
    """
    found = {match[1] for path in folder.iterdir() if (match := _LIVE.fullmatch(path.name))}
    for pid in found:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            # Another request may be about to do the same.
            with suppress(FileNotFoundError):
                multiprocess.mark_process_dead(int(pid))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
