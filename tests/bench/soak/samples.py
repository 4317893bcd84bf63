"""What is looked at while a desk runs: its processes, its connections, its tables and its lists."""

from collections import Counter
from datetime import UTC, datetime

import psutil
from sqlalchemy import Connection

from deploy.local.servers import Servers
from shared.db.engine import Database
from shared.db.figures import lists
from shared.observability.figures import LIST_OLDEST
from tests.bench.desk import Desk
from tests.bench.soak.steadiness import STANDING

#: With them, how many dead rows make a vacuum due: PostgreSQL's defaults, or the table's own.
_TABLES = """
SELECT stat.relname, n_live_tup, n_dead_tup, pg_total_relation_size(relid),
  coalesce(own.threshold, current_setting('autovacuum_vacuum_threshold')::float)
  + coalesce(own.share, current_setting('autovacuum_vacuum_scale_factor')::float) * n_live_tup
FROM pg_stat_user_tables AS stat JOIN pg_class ON pg_class.oid = relid
CROSS JOIN LATERAL (
  SELECT max(option_value::float)
      FILTER (WHERE option_name = 'autovacuum_vacuum_threshold') AS threshold,
    max(option_value::float)
      FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor') AS share
  FROM pg_options_to_table(reloptions)
) AS own
WHERE n_live_tup + n_dead_tup > 0
"""
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def sample(made: Desk, database: Database) -> dict[str, float]:
    """Return values by curve: `memory_mb/intake`, `dead_rows/tickets`, `oldest_s/routing` …"""
    found: dict[str, float] = {}
    for name, root in _roots(made).items():
        for kind, value in _process(root, shares_memory=name == "postgresql").items():
            found[f"{kind}/{name}"] = value
    found["broker_connections/rabbitmq"] = _broker_connections(made.servers)
    with database.reading() as connection:
        found["database_connections/postgresql"] = float(
            connection.exec_driver_sql(_SESSIONS).scalar_one()
        )
        found |= _tables(connection)
        ages = lists.read(connection, datetime.now(UTC))[LIST_OLDEST]
        found |= {f"oldest_s/{labels[0]}": float(age) for labels, age in ages}
        numbers = "SELECT coalesce(max(number), 0) FROM tickets"
        found["tickets/made"] = float(connection.exec_driver_sql(numbers).scalar_one())
    return found


def _roots(made: Desk) -> dict[str, psutil.Process]:
    ours = {name: made.processes[name] for name in ("intake", "router", "notifier")}
    broker = psutil.Process(made.servers.rabbitmq.pid)
    return {**ours, "postgresql": psutil.Process(made.servers.postgres.pid), "rabbitmq": broker}


def _process(root: psutil.Process, *, shares_memory: bool) -> dict[str, float]:
    """Return resident memory, open files and threads of a process with its children.

    PostgreSQL's processes share their buffers, which would count once for each: of those that share
    memory, what is not shared is taken.
    """
    total: Counter[str] = Counter()
    for process in (root, *root.children(recursive=True)):
        try:
            memory = process.memory_info()
            total["memory_mb"] += (memory.rss - shares_memory * memory.shared) / 2**20
            total["files"] += process.num_fds()
            total["threads"] += process.num_threads()
        except psutil.NoSuchProcess:
            # A backend, or autovacuum, that has just ended.
            continue
    return dict(total)


def _broker_connections(servers: Servers) -> float:
    port = servers.rabbitmq.port
    return float(
        sum(
            each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port
            for each in psutil.net_connections("tcp4")
        )
    )


def _tables(connection: Connection) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, rows, dead, size, due in connection.exec_driver_sql(_TABLES):
        found[f"rows/{name}"] = float(rows)
        found[f"dead_rows/{name}"] = float(dead)
        found[f"vacuum_due/{name}"] = float(due)
        found[f"bytes/{name}"] = float(size)
        if name in STANDING:
            found[f"standing_rows/{name}"] = float(rows)
    return found
