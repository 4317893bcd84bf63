"""What stored tickets cost those that come, and how soon a page of them is there."""

import random
import time
from collections.abc import Iterator
from statistics import median
from urllib.parse import urlencode

from deploy.local.servers import Servers
from shared.db.engine import Database
from tests.bench.commits import quantiles
from tests.bench.desk import Desk, Figures, desk, furnish, start_intake, start_workers
from tests.bench.load import percentile
from tests.bench.pipeline import at_rate, warm_up
from tests.bench.twins import FIRST, grow

#: How often each kind of page is asked for.
ASKED = 20
#: Tickets a second while the time to an agent is measured.
RATE = 50.0
#: How often each of two desks is posted to, by turns.
TURNS = 5
ORDERS = ("", "-number", "number", "-updated_at", "updated_at", "due")
#: One of a thousand, of ten thousand, and none at all.
RARE = ("rare", "rarer", "none-such")


def growth(servers: Servers, sizes: dict[str, int], requests: int, seconds: int) -> Figures:
    """Let one database grow to each of these sizes; post to it and ask for pages there."""
    figures: Figures = {}
    with desk(servers, "growth") as made:
        start_intake(made)
        furnish(made)
        made.load(64, FIRST)
        database = Database(made.settings["PATCHBAY_DATABASE_URL"])
        for name, size in sizes.items():
            prefix = f"growth_{name}"
            figures[f"{prefix}_tickets"] = grow(database, size)
            made.load(64, 500)
            figures[f"{prefix}_posts_per_s"] = made.load(64, requests)["per_s"]
            start_workers(made)
            _rest(made, database)
            warm_up(made)
            found = at_rate(made, RATE, int(RATE * seconds), prefix)
            figures |= {key: ms for key, ms in found.items() if "assigned" in key}
            figures |= _lists(made, prefix)
            made.stop("router", "notifier")
        database.close()
        figures |= _beside_empty(servers, made, requests // 2)
    return figures


def _beside_empty(servers: Servers, full: Desk, requests: int) -> Figures:
    """Post by turns to a desk with an empty database and to this one.

    What is minutes apart cannot be compared: the machine may have another speed by then.
    """
    with desk(servers, "growth_empty") as empty:
        start_intake(empty)
        furnish(empty)
        empty.load(64, FIRST)
        rates: dict[str, list[float]] = {"empty": [], "full": []}
        for _ in range(TURNS):
            for name, made in (("empty", empty), ("full", full)):
                rates[name].append(made.load(64, requests)["per_s"])
    return {f"growth_{name}_posts_per_s": median(some) for name, some in rates.items()}


def _rest(made: Desk, database: Database) -> None:
    """Wait until all that was posted is told of, and let the receiver forget it."""
    waiting = "SELECT count(*) FROM tickets WHERE status <> 'closed'"
    with database.reading() as connection:
        posted = connection.exec_driver_sql(waiting).scalar_one()
    told = "SELECT count(*) FROM deliveries WHERE work_state = 'done'"

    def done() -> bool:
        with database.reading() as connection:
            return bool(connection.exec_driver_sql(told).scalar_one() >= posted)

    if not made.wait(done):
        raise RuntimeError("webhooks are missing")
    made.ask_receiver("/reset")


def _lists(made: Desk, prefix: str) -> Figures:
    taken: dict[str, list[float]] = {}
    for kind, query in _pages():
        taken.setdefault(kind, []).extend(_read(made, query))
    everything = sorted(each for some in taken.values() for each in some)
    return {
        **quantiles(f"{prefix}_list", everything),
        f"{prefix}_list_p99_ms_by_kind": {
            kind: percentile(sorted(some), 0.99) for kind, some in taken.items()
        },
    }


def _read(made: Desk, query: dict[str, str]) -> Iterator[float]:
    """Yield the milliseconds of a page, and of the page after it."""
    for _ in range(2):
        started = time.perf_counter()
        found = made.call("GET", f"/v1/tickets?{urlencode(query)}")
        yield (time.perf_counter() - started) * 1000
        if found["next"] is None:
            return
        query = {**query, "after": str(found["next"])}


def _pages() -> Iterator[tuple[str, dict[str, str]]]:
    lots = random.Random(3)
    for _ in range(ASKED):
        order = {"sort": lots.choice(ORDERS)}
        order = order if order["sort"] else {}
        rare = lots.choice(RARE)
        yield "no filter", order
        yield "a common value", {"status": "closed", **order}
        yield "a rare category", {"category": rare, **order}
        yield "a rare tag", {"tag": rare, **order}
        yield "a rare product and a common status", {"product": rare, "status": "closed", **order}
        yield "two common values", {"priority": "medium", "channel": "api", **order}
        yield "a status that nobody has", {"status": "spam", **order}
        yield (
            "a month long ago",
            {
                "created_after": "2023-03-01T00:00:00Z",
                "created_before": "2023-04-01T00:00:00Z",
                **order,
            },
        )
