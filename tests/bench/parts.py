"""The parts of a run, in their order: what each measures, and how much of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers import Servers
from tests.bench import (
    accepting,
    bulk,
    chains,
    deliveries,
    embedded,
    growth,
    mail,
    pipeline,
    routing,
    scaling,
    search,
)
from tests.bench.desk import Figures
from tests.bench.peers import django_helpdesk, request_tracker

PARTS = (
    *("http", "pipeline", "growth", "scaling", "embedded", "backlog", "routing", "bulk"),
    *("search", "deliveries", "noisy", "mail", "peers"),
)

#: Requests to intake, and as many to its baseline.
ACCEPTED = 12_000
#: Tickets on their whole way, and as many messages through chains of empty tasks.
CARRIED = 12_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is measured at once; `part` is what `--only` names."""

    part: str
    title: str
    run: Callable[[], Figures]


def scenarios(servers: Servers, folder: Path, share: int) -> Iterator[Scenario]:
    """Yield everything; `share` divides the work, 1 for all of it."""

    def at_least(count: int) -> int:
        return max(4, count // share)

    yield Scenario(
        "http",
        "intake beside Flask + SQLAlchemy with one commit a request, by turns",
        lambda: accepting.by_turns(servers, ACCEPTED // share),
    )
    yield Scenario(
        "pipeline",
        "POST to webhook beside three empty Dramatiq tasks, by turns",
        lambda: pipeline.pipeline(
            servers, CARRIED // share, at_least(20), CARRIED // share, folder
        ),
    )
    yield Scenario(
        "pipeline",
        "three empty Dramatiq tasks without confirms",
        lambda: chains.dramatiq_unconfirmed(servers, CARRIED // share, folder),
    )
    yield Scenario(
        "pipeline",
        "three empty Celery tasks",
        lambda: chains.celery(servers, CARRIED // share, folder),
    )
    yield Scenario(
        "growth",
        "one database that grows",
        lambda: growth.growth(
            servers,
            {"small": 1000, "middle": 100_000 // share, "large": 1_000_000 // share},
            6_000 // share,
            at_least(20),
        ),
    )
    yield Scenario(
        "scaling",
        "1, 2 and 4 processes of each kind",
        lambda: scaling.scaling(servers, 8_000 // share),
    )
    yield Scenario(
        "embedded",
        "SQLite, all in one process",
        lambda: embedded.embedded(servers, 6_000 // share, at_least(20), folder),
    )
    yield Scenario(
        "backlog",
        "tickets that waited for the router",
        lambda: pipeline.backlog(servers, 100_000 // share),
    )
    yield Scenario(
        "routing",
        "decisions, 100 to 10,000 agents",
        lambda: routing.decisions(servers, 20_000 // share),
    )
    yield Scenario(
        "routing", "one decision in memory", lambda: routing.one_decision(20_000 // share)
    )
    yield Scenario(
        "bulk", "tickets a second by one intake", lambda: bulk.rate(servers, 200_000 // share)
    )
    yield Scenario(
        "bulk", "memory for a million lines", lambda: bulk.memory(servers, 1_000_000 // share)
    )
    yield Scenario(
        "bulk",
        "live tickets beside 200,000 bulk ones",
        lambda: bulk.beside(servers, 200_000 // share, 12_000 // share, at_least(15)),
    )
    yield Scenario(
        "routing",
        "a freed agent while 5,000 to 100,000 wait",
        lambda: routing.refill(
            servers,
            {"few": 5_000 // share, "more": 20_000 // share, "many": 100_000 // share},
            200 // share,
        ),
    )
    yield Scenario(
        "search", "a million tickets", lambda: search.search(servers, 25_000, 40 // share)
    )
    yield Scenario(
        "deliveries",
        "signed and recorded, by HTTP and HTTPS",
        lambda: deliveries.rates(servers, 30_000 // share, folder),
    )
    yield Scenario(
        "deliveries",
        "to 1, 10, 100 and 1,000 endpoints",
        lambda: deliveries.by_endpoints(servers, 20_000 // share, folder),
    )
    yield Scenario(
        "deliveries",
        "100,000 due at once",
        lambda: deliveries.backlog(servers, 100_000 // share),
    )
    yield Scenario(
        "deliveries",
        "one event to 1,000 subscribers",
        lambda: deliveries.wide(servers, max(2, 10 // share)),
    )
    yield Scenario(
        "noisy",
        "10 % of receivers hang, 10 % answer 500",
        lambda: deliveries.noisy(servers, 20_000 // share, max(20, 60 // share)),
    )
    yield Scenario(
        "mail", "receipts to a local mail server", lambda: mail.mails(servers, 8_000 // share)
    )
    yield Scenario(
        "peers", "django-helpdesk", lambda: django_helpdesk.measure(servers, 4_000 // share, folder)
    )
    yield Scenario("peers", "Request Tracker", lambda: request_tracker.measure(4_000 // share))
