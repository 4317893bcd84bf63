"""What a million stored tickets cost those that come, and how soon a page of them is there."""

import random
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from deploy.local.servers import Servers
from shared.db.engine import Database
from tests.bench.desk import Desk, desk, furnish, start_intake
from tests.bench.load import percentile

Figures = dict[str, Any]

#: How often each kind of page is asked for.
ASKED = 20
ORDERS = ("", "-number", "number", "-updated_at", "updated_at", "due")
#: One of a thousand, of ten thousand, and none at all.
RARE = ("rare", "rarer", "none-such")


def stored(servers: Servers, made: int, copies: int, requests: int) -> Figures:
    """Post to an empty database and to one with `made` times `copies` tickets; ask that for pages.

    The tickets are copies of those that were posted, over five years, with fields drawn anew.
    """
    with desk(servers, "empty") as empty, desk(servers, "stored") as full:
        for each in (empty, full):
            start_intake(each)
            furnish(each)
        full.load(64, made)
        _copy(Database(full.settings["PATCHBAY_DATABASE_URL"]), made, copies)
        rates: dict[str, list[float]] = {"empty": [], "stored": []}
        for each in (empty, full):
            each.load(64, 500)
        # In turns, because the machine is not as fast at every moment.
        for _ in range(3):
            rates["empty"].append(empty.load(64, requests // 3)["per_s"])
            rates["stored"].append(full.load(64, requests // 3)["per_s"])
        taken: dict[str, list[float]] = {}
        for kind, query in _pages():
            taken.setdefault(kind, []).extend(_read(full, query))
    everything = sorted(each for some in taken.values() for each in some)
    return {
        "stored_tickets": made * copies,
        "empty_posts_per_s": sum(rates["empty"]) / 3,
        "stored_posts_per_s": sum(rates["stored"]) / 3,
        "list_p50_ms": percentile(everything, 0.5),
        "list_p99_ms": percentile(everything, 0.99),
        "list_worst_ms_by_kind": {kind: max(some) for kind, some in taken.items()},
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
        yield "a common value", {"status": "new", **order}
        yield "a rare category", {"category": rare, **order}
        yield "a rare tag", {"tag": rare, **order}
        yield "a rare product and a common status", {"product": rare, "status": "new", **order}
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


def _copy(database: Database, made: int, copies: int) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        columns = connection.exec_driver_sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'tickets' "
            "AND table_schema = 'public' AND column_name NOT IN "
            "('id', 'number', 'category', 'product', 'tags', 'created_at', 'updated_at', "
            "'expected_resolution_at', 'work_state', 'sla_due_at')"
        ).scalars()
        rest = ", ".join(columns)
        for copy in range(1, copies):
            # A ticket of one copy is 45 days younger than its twin of the copy before.
            age = f"interval '45 days' * {copies - copy} - interval '1 minute' * mod(number, 9000)"
            connection.exec_driver_sql(
                f"INSERT INTO tickets (id, number, category, product, tags, created_at, "
                f"updated_at, expected_resolution_at, work_state, sla_due_at, {rest}) "
                f"SELECT 'tkt_' || md5(id || '{copy}'), new, "
                f"CASE WHEN mod(new, 1000) = 0 THEN 'rare' WHEN mod(new, 9999) = 1 THEN 'rarer' "
                f"ELSE category END, "
                f"CASE WHEN mod(new, 1000) = 7 THEN 'rare' WHEN mod(new, 9999) = 8 THEN 'rarer' "
                f"END, "
                f"CASE WHEN mod(new, 1000) = 9 THEN '[\"rare\"]' WHEN mod(new, 9999) = 10 "
                f"THEN '[\"rarer\"]' ELSE '[\"usual\"]' END::jsonb, "
                f"at, at, at + interval '2 days', 'done', NULL, {rest} "
                f"FROM (SELECT *, number + {copy * made} AS new, now() - ({age}) AS at "
                f"FROM tickets WHERE number <= {made}) AS twins"
            )
            connection.commit()
        connection.exec_driver_sql(f"SELECT setval('ticket_numbers', {made * copies + 1})")
        connection.commit()
    with database.reading() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE tickets")
    database.close()
