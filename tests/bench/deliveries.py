"""Webhooks a second, a backlog, a wide fan-out, and healthy endpoints beside sick ones."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.servers import Servers
from services.notifier.fan_out import FanOut
from shared.db import ticket_changes
from shared.db.engine import Database
from shared.db.models import Subscription, TicketEvent
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.domain.clock import SystemClock
from shared.ports import choose_port
from shared.schemas.ticket import CreateTicketSchema
from shared.waiting import wait_until
from tests.bench.desk import PATIENCE_S, Desk, Figures, desk, start_intake, start_workers
from tests.bench.load import percentile
from tests.bench.noise_plot import p99_by_second
from tests.bench.turns import TURNS, medians
from tests.certificates import make_certificate
from tests.factories import subscription

ENDPOINTS = 100
#: Of a hundred endpoints beside sick ones, how many hang and how many answer 500.
HANGING, FAILING = 10, 10
SUBSCRIBERS = 1000
#: The file with the text of one event.
SAMPLE = "delivery.json"
#: No lease is shorter than an exchange; receivers that hang are given up after this.
TIMEOUT_S = 15


def rates(servers: Servers, deliveries: int, folder: Path) -> Figures:
    """Signed and recorded deliveries a second, by HTTP and HTTPS, against a bare loop of each."""
    certificate = make_certificate(folder)
    figures: Figures = {}
    for scheme, tls in (("http", None), ("https", certificate)):
        found = [_rates(servers, scheme, turn, deliveries, folder, tls) for turn in range(TURNS)]
        spread = (f"deliveries_{scheme}_per_s", f"bare_{scheme}_per_s")
        figures |= medians(found, spread)
    return figures


def by_endpoints(servers: Servers, deliveries: int, folder: Path) -> Figures:
    """Signed and recorded deliveries a second by HTTP, to few endpoints and to many."""
    figures: Figures = {}
    for endpoints in (1, 10, 100, 1000):
        with desk(servers, f"deliveries_to_{endpoints}") as made:
            per_s, cpu_ms, _ = _delivered(made, endpoints, deliveries, folder, None)
        figures[f"deliveries_to_{endpoints}_per_s"] = per_s
        figures[f"deliveries_to_{endpoints}_cpu_ms"] = cpu_ms
    return figures


def _rates(
    servers: Servers, scheme: str, turn: int, deliveries: int, folder: Path, tls: Path | None
) -> Figures:
    with desk(servers, f"deliveries_{scheme}_{turn}") as made:
        per_s, cpu_ms, duplicates = _delivered(made, ENDPOINTS, deliveries, folder, tls)
        url = f"{made.scheme}://127.0.0.1:{made.receiver_port}/ok/"
        return {
            f"deliveries_{scheme}_per_s": per_s,
            f"deliveries_{scheme}_cpu_ms": cpu_ms,
            f"deliveries_{scheme}_duplicates": duplicates,
            f"bare_{scheme}_per_s": _bare(url, folder / SAMPLE, deliveries, tls),
        }


def _delivered(
    made: Desk, endpoints: int, deliveries: int, folder: Path, tls: Path | None
) -> tuple[float, float, int]:
    """Have deliveries sent that are all due; return their rate, CPU in ms, and duplicates.

    The text of one of them is left in the folder.
    """
    _start_endpoints(made, tls)
    _subscribe(made, [f"{made.scheme}://127.0.0.1:{made.receiver_port}/ok/"] * endpoints)
    with _database(made) as database:
        (folder / SAMPLE).write_text(_fan_out(database, deliveries // endpoints))
    before = made.cpu()
    start_workers(made, "notifier")
    found = _arrived(made, deliveries)
    cpu = made.cpu()["notifier"] - before.get("notifier", 0.0)
    made.stop("notifier")
    duplicates = found["count"] - found["distinct"]
    return _rate(found["arrivals"]), cpu / deliveries * 1000, duplicates


def backlog(servers: Servers, deliveries: int) -> Figures:
    """Everything due at once: how fast it drains, and what memory that takes."""
    with desk(servers, "deliveries_backlog") as made:
        _start_endpoints(made, None)
        _subscribe(made, [f"http://127.0.0.1:{made.receiver_port}/ok/"] * ENDPOINTS)
        start_workers(made, "notifier")
        idle = made.memory_mb()["notifier"]
        made.stop("notifier")
        with _database(made) as database:
            _fan_out(database, deliveries // ENDPOINTS)
        peak = [idle]
        start_workers(made, "notifier")
        with _watching(lambda: peak.append(made.memory_mb()["notifier"])):
            found = _arrived(made, deliveries)
    return {
        "due_at_once": deliveries,
        "due_at_once_per_s": _rate(found["arrivals"]),
        "due_at_once_idle_mb": idle,
        "due_at_once_peak_mb": max(peak),
        "due_at_once_duplicates": found["count"] - found["distinct"],
    }


def wide(servers: Servers, tries: int) -> Figures:
    """One event to a thousand subscribers: the time until the last of them has it."""
    with desk(servers, "deliveries_wide") as made:
        _start_endpoints(made, None)
        _subscribe(made, [f"http://127.0.0.1:{made.receiver_port}/ok/"] * SUBSCRIBERS)
        _open_desk(made)
        # The router too, for it is what rings for the events of a new ticket.
        start_workers(made, "router", "notifier")
        taken = []
        for _ in range(tries + 1):
            made.ask_receiver("/reset")
            made.load(1, 1)
            taken.append(max(_arrived(made, SUBSCRIBERS)["ages"]))
    # The first one opens a thousand connections.
    return {"wide_first_s": taken[0], "wide_s": max(taken[1:])}


def noisy(servers: Servers, deliveries: int, seconds: int) -> Figures:
    """Healthy endpoints beside hanging and failing ones, at half the rate of healthy ones alone.

    That rate is from the event on: its fan-out and the delivery.
    """
    with desk(servers, "noisy_alone") as made:
        _start_endpoints(made, None)
        _subscribe(made, [f"http://127.0.0.1:{made.receiver_port}/ok/"] * ENDPOINTS)
        with _database(made) as database:
            _make_events(database, deliveries // ENDPOINTS)
        start_workers(made, "notifier")
        most = _rate(_arrived(made, deliveries)["arrivals"])
    found = {
        kind: _beside(servers, f"noisy_{kind}", most / 2, seconds, hanging, failing)
        for kind, hanging, failing in (("quiet", 0, 0), ("sick", HANGING, FAILING))
    }
    figures: Figures = {
        "noisy_offered_per_s": most / 2,
        "noisy_series": {kind: one["series"] for kind, one in found.items()},
    }
    for kind, one in found.items():
        ages = sorted(one["ages"])
        figures[f"noisy_{kind}_p50_ms"] = percentile(ages, 0.5) * 1000
        figures[f"noisy_{kind}_p99_ms"] = percentile(ages, 0.99) * 1000
        figures[f"noisy_{kind}_worst_ms"] = ages[-1] * 1000
    return figures


def _beside(
    servers: Servers, name: str, per_s: float, seconds: int, hanging: int, failing: int
) -> Figures:
    healthy = ENDPOINTS - hanging - failing
    with desk(servers, name) as made:
        made.settings["PATCHBAY_WEBHOOK_TIMEOUT_S"] = str(TIMEOUT_S)
        _start_endpoints(made, None)
        base = f"http://127.0.0.1:{made.receiver_port}"
        kinds = ["ok"] * healthy + ["hang"] * hanging + ["fail"] * failing
        _subscribe(made, [f"{base}/{kind}/" for kind in kinds])
        _open_desk(made)
        # The router too, for it is what rings for the events of a new ticket.
        start_workers(made, "router", "notifier")
        rate = per_s / ENDPOINTS
        events = max(1, int(rate * seconds))
        began = time.time()
        made.load(8, events, rate)
        found = _arrived(made, events * healthy)
    moments = [arrival - began for arrival in found["arrivals"]]
    points = list(zip(moments, found["ages"], strict=True))
    return {"ages": found["ages"], "series": p99_by_second(points)}


def _open_desk(made: Desk) -> None:
    """Start intake, with the team and skill that the tickets of the load ask for."""
    start_intake(made)
    made.call("POST", "/v1/teams", {"name": "network"})
    made.call("POST", "/v1/skills", {"name": "vpn"})


def _start_endpoints(made: Desk, certificate: Path | None) -> None:
    made.receiver_port = choose_port()
    extra = ["--certificate", str(certificate)] if certificate else []
    if certificate:
        # What a notifier trusts besides: the settings of OpenSSL, as for any private authority.
        made.settings["SSL_CERT_FILE"] = str(certificate)
    port = str(made.receiver_port)
    made.start("endpoints", "-m", "tests.bench.endpoints", port, *extra)
    made.scheme = "https" if certificate else "http"
    if not wait_until(lambda: _listening(made), PATIENCE_S):
        raise RuntimeError("the endpoints do not answer")


def _listening(made: Desk) -> bool:
    try:
        return bool(made.ask_receiver("/count"))
    except OSError:
        return False


def _subscribe(made: Desk, urls: list[str]) -> None:
    """Subscribe each URL, with its number at its end, to new tickets; past the API, for speed."""
    wanted = {"event_types": ["ticket.created"]}
    rows = [subscription(url=f"{url}{n}", **wanted) for n, url in enumerate(urls)]
    with _database(made) as database, database.transaction() as tx:
        tx.insert(table(Subscription), rows)


def _make_events(database: Database, events: int) -> None:
    """Make events that nobody has been told of."""
    content = CreateTicketSchema().load(
        {
            "subject": "VPN drops",
            "description": "The tunnel comes up and drops again. " * 8,
            "requester": {"name": "Mira Petrova", "email": "mira@example.com"},
        }
    )
    clock = SystemClock()
    for start in range(0, events, 1000):
        count = min(1000, events - start)
        with database.transaction() as tx:
            ticket_changes.create(tx, [NewTicket(content, "bench", "bench")] * count, clock.now())


def _fan_out(database: Database, events: int) -> str:
    """Make events and their deliveries, all due; return the text of one event."""
    _make_events(database, events)
    fan_out = FanOut(database, SystemClock(), lambda _: None, 200, mail_enabled=False)
    while fan_out():
        pass
    with database.reading() as connection:
        body: str = connection.execute(table(TicketEvent).select().limit(1)).one().body
    return body


def _arrived(made: Desk, count: int) -> Figures:
    """Wait until so many different deliveries came, and return what the endpoints saw."""

    def enough() -> bool:
        time.sleep(0.05)
        return int(made.ask_receiver("/count")["distinct"]) >= count

    if not wait_until(enough, PATIENCE_S):
        raise RuntimeError(f"deliveries are missing: {made.ask_receiver('/count')} of {count}")
    return dict(made.ask_receiver("/figures"))


def _rate(arrivals: list[float]) -> float:
    ordered = sorted(arrivals)
    return (len(ordered) - 1) / (ordered[-1] - ordered[0])


def _bare(url: str, sample: Path, requests: int, certificate: Path | None) -> float:
    command = [sys.executable, "-m", "tests.bench.baseline_post", url, str(sample)]
    command += ["--requests", str(requests)]
    command += ["--certificate", str(certificate)] if certificate else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


@contextmanager
def _database(made: Desk) -> Iterator[Database]:
    database = Database(made.settings["PATCHBAY_DATABASE_URL"])
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _watching(look: Any) -> Iterator[None]:
    """Call `look` ten times a second beside the block."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.1):
            look()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
