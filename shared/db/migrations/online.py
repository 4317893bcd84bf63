"""What migrations do to big tables while others write to them."""

import math
from collections.abc import Sequence
from time import monotonic
from typing import Any

import sqlalchemy as sa
from alembic import op


def create_index(
    name: str, table: str, columns: Sequence[Any], *, where: str | None = None
) -> None:
    """Create an index on a table that has rows, without stopping who writes to it.

    On PostgreSQL it commits what was done before and builds the index by several transactions, so a
    migration has either nothing else or only what may be done twice. One that was broken off left
    an index that is not valid; that one is dropped first. (PostgreSQL, "CREATE INDEX", Building
    Indexes Concurrently.)
    """
    only = None if where is None else sa.text(where)
    context = op.get_context()
    if context.dialect.name != "postgresql":
        op.create_index(name, table, columns, sqlite_where=only)
        return
    assert context.config is not None  # noqa: S101 -- env.py gave it
    deadline = float(context.config.attributes.get("deadline", math.inf))
    with context.autocommit_block():
        before = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        # It waits for transactions that are open, and nobody waits for it: for all the time that
        # is left, which several indexes share.
        op.execute(f"SET lock_timeout = {_remaining_ms(deadline)}")
        try:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name, table, columns, postgresql_concurrently=True, postgresql_where=only
            )
        finally:
            op.execute(f"SET lock_timeout = '{before}'")


def _remaining_ms(deadline: float) -> int:
    """Return the limit for a lock: 0 means none, so that time that is over is a millisecond."""
    if math.isinf(deadline):
        return 0
    return max(1, round((deadline - monotonic()) * 1000))
