"""Search with a million tickets: how long the answer takes, question by question.

A part of the tickets goes the whole way, through the feed and the indexer. The rest are copies of
those, made inside the database under numbers and bands of their own.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import text

from deploy.local.servers import Servers
from services.intake import bootstrap as intake
from shared.db import schema, ticket_changes
from shared.db.engine import Database
from shared.db.search.indexer import SearchIndexer
from shared.db.search.postgresql import BAND
from shared.db.ticket_changes import NewTicket
from shared.domain.clock import SystemClock
from shared.domain.ticket import Priority
from shared.runtime import Runtime
from shared.schemas.ticket import CreateTicketSchema
from shared.settings import load_settings
from tests.api_keys import create_key
from tests.bench.desk import Figures
from tests.bench.load import percentile
from tests.desk import Desk

CLOCK = SystemClock()
WORDS = 50_000
ASKED = 40

_rare = random.Random(1)
_LETTERS = "bcdfghklmnprstvz", "aeiou"
VOCABULARY = [
    "".join(_rare.choice(_LETTERS[n % 2]) for n in range(4 + number % 6)) + str(number % 7)
    for number in range(WORDS)
]
#: Zipf's law: the n-th word comes 1/n as often as the first.
_WEIGHTS = list(accumulate(1 / (rank + 1) for rank in range(WORDS)))


def search(servers: Servers, indexed: int, copies: int) -> Figures:
    """Index `indexed` tickets, copy them until there are `copies` times as many, and ask."""
    url = servers.postgres.create_database(f"search_{indexed}_{copies}")
    settings = replace(load_settings(), database_url=url, broker_url="memory://")
    runtime = Runtime(settings)
    schema.migrate(runtime.database)
    _create(runtime.database, indexed)
    started = time.perf_counter()
    indexer = SearchIndexer(runtime.database, CLOCK)
    while indexer():
        pass
    figures: Figures = {"search_indexed_per_s": indexed / (time.perf_counter() - started)}
    _copy(runtime.database, indexed, copies)
    app = intake.build(runtime)
    desk = Desk(app, create_key(runtime.database, "bench", ["*"]))
    taken: dict[str, list[float]] = {}
    for kind, query in _questions():
        started = time.perf_counter()
        response = desk.call("GET", "/v1/search/tickets", query_string=query)
        assert response.status_code == 200, response.get_data(as_text=True)
        taken.setdefault(kind, []).append((time.perf_counter() - started) * 1000)
    intake.close(app)
    runtime.close()
    everything = sorted(each for some in taken.values() for each in some)
    figures["search_tickets"] = indexed * copies
    figures["search_p50_ms"] = percentile(everything, 0.5)
    figures["search_p99_ms"] = percentile(everything, 0.99)
    figures["search_worst_ms_by_kind"] = {kind: max(some) for kind, some in taken.items()}
    figures["search_median_ms_by_kind"] = {
        kind: percentile(sorted(some), 0.5) for kind, some in taken.items()
    }
    return figures


def _questions() -> Iterator[tuple[str, dict[str, Any]]]:
    lots = random.Random(9)
    for _ in range(ASKED):
        common, other = lots.sample(VOCABULARY[:30], 2)
        middling = VOCABULARY[lots.randint(300, 3000)]
        rare = VOCABULARY[lots.randint(20_000, WORDS - 1)]
        yield "a common word", {"q": common}
        yield "a middling word", {"q": middling}
        yield "a rare word", {"q": rare}
        yield "two common words", {"q": f"{common} {other}"}
        yield "a common and a rare word", {"q": f"{common} {rare}"}
        yield "a phrase of common words", {"q": f'"{common} {other}"'}
        yield "common words that never meet", {"q": "oddly evenly"}
        yield "a common word and a field", {"q": f"{common} tag:{VOCABULARY[lots.randint(0, 99)]}"}
        yield "a common word in a span of time", {"q": f"{common} created:<2000-01-01"}
        yield "all but a common word", {"q": f"-{common} status:new"}
        yield "the newest with a common word", {"q": common, "sort": "newest"}
        yield "nothing such", {"q": f"{common} zzzyzx"}


def _create(database: Database, tickets: int) -> None:
    lots = random.Random(5)
    for begin in range(0, tickets, 1000):
        new = [
            NewTicket(_content(lots, begin + number), "bench", "bench") for number in range(1000)
        ]
        with database.transaction() as tx:
            ticket_changes.create(tx, new, CLOCK.now() - timedelta(seconds=tickets - begin))


def _content(lots: random.Random, number: int) -> dict[str, Any]:
    chosen = lots.choices(VOCABULARY, cum_weights=_WEIGHTS, k=66)
    parity = "oddly" if number % 2 else "evenly"
    return dict(
        CreateTicketSchema().load(
            {
                "subject": " ".join(chosen[:6]),
                "description": " ".join([*chosen[6:], parity]),
                "requester": {"name": chosen[0], "email": f"{chosen[1]}{number}@example.com"},
                "priority": lots.choice(list(Priority)).value,
                "tags": [VOCABULARY[lots.randint(0, 99)]],
            }
        )
    )


def _copy(database: Database, indexed: int, copies: int) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("DROP INDEX ix_search_documents_words")
        columns = [
            row[0]
            for row in connection.execute(
                text(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = "
                    "'tickets' AND column_name NOT IN ('id', 'number') AND table_schema = 'public'"
                )
            )
        ]
        rest = ", ".join(columns)
        for copy in range(1, copies):
            shift = copy * indexed
            connection.exec_driver_sql(
                f"INSERT INTO tickets (id, number, {rest}) SELECT "
                f"'tkt_' || md5(id || '{copy}'), number + {shift}, {rest} FROM tickets "
                f"WHERE number <= {indexed}"
            )
            band = f"((number + {shift}) / {BAND})"
            old = f"(number / {BAND})"
            connection.exec_driver_sql(
                "INSERT INTO search_documents (number, audience, ticket_id, created_at, words) "
                f"SELECT number + {shift}, audience, 'tkt_' || md5(ticket_id || '{copy}'), "
                f"created_at, ts_delete(words, ARRAY['band=all' || {old}, 'band=staff' || {old}]) "
                f"|| array_to_tsvector(ARRAY['band=all' || {band}, 'band=staff' || {band}]) "
                f"FROM search_documents WHERE number <= {indexed}"
            )
            connection.commit()
        connection.exec_driver_sql("SET maintenance_work_mem = '1GB'")
        connection.exec_driver_sql(
            "CREATE INDEX ix_search_documents_words ON search_documents USING gin (words) "
            "WITH (gin_pending_list_limit = 512)"
        )
        connection.commit()
    with database.reading() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE search_documents")
        connection.exec_driver_sql("ANALYZE tickets")
