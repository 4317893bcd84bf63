"""How long after a ticket was created it had an agent, by the clock that decides: the commit.

A row's own times are taken before its transaction commits, so they would leave out the commit and
everything that holds it up. PostgreSQL can note when each transaction committed
(track_commit_timestamp), and a row of the append-only events says which transaction wrote it.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text

from shared.db.engine import Database
from tests.bench.load import percentile

_ASSIGNED = text(
    "SELECT ticket.id, ticket.created_at, "
    "pg_xact_commit_timestamp(event.xmin) - ticket.created_at AS wait "
    "FROM ticket_events AS event JOIN tickets AS ticket ON ticket.id = event.ticket_id "
    "WHERE event.type = 'ticket.assigned' AND ticket.id = ANY(:tickets)"
)


def waits(database_url: str, received: Mapping[str, float]) -> dict[str, list[float]]:
    """Return ordered milliseconds from `created_at` to the assignment's commit and the webhook.

    `received` are the moments (Unix time) at which webhooks of tickets arrived. Raises RuntimeError
    if one of these tickets has no agent.
    """
    database = Database(database_url)
    with database.reading() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        rows = connection.execute(_ASSIGNED, {"tickets": list(received)}).all()
    database.close()
    if len(rows) < len(received):
        raise RuntimeError(f"{len(received) - len(rows)} tickets were told of and not assigned")
    return {
        "assigned": sorted(row.wait / timedelta(milliseconds=1) for row in rows),
        "webhook": sorted((received[row.id] - row.created_at.timestamp()) * 1000 for row in rows),
    }


def quantiles(prefix: str, ordered: list[float]) -> dict[str, float]:
    """Return median and 99th percentile by name."""
    return {
        f"{prefix}_p50_ms": percentile(ordered, 0.5),
        f"{prefix}_p99_ms": percentile(ordered, 0.99),
    }
