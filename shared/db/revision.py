"""Numbers that rise with each change of a row, so that a reader finds what is new to it.

A plain sequence would not do: of two transactions the one with the lower number may commit last,
and a reader who saw the higher one would never look back. PostgreSQL's revision is the number of
the writing transaction, and a reader asks for everything from the oldest transaction that was
still running when it read last (`pg_snapshot_xmin`): nothing is missed, little is read twice.
SQLite has one writer at a time, so there a counter does.
"""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class revision(FunctionElement[int]):  # noqa: N801 -- read as a function of SQL
    """The revision of a row that this statement writes."""

    type = BigInteger()
    inherit_cache = True


class horizon(FunctionElement[int]):  # noqa: N801 -- read as a function of SQL
    """The lowest revision that a later reader may still not know."""

    type = BigInteger()
    inherit_cache = True


class upcoming(FunctionElement[int]):  # noqa: N801 -- read as a function of SQL
    """A revision above all that were given out: once the horizon is there, those are all over."""

    type = BigInteger()
    inherit_cache = True


@compiles(revision, "postgresql")
def _revision_postgresql(_element: Any, _compiler: Any, **_: Any) -> str:
    return "(pg_current_xact_id()::text::bigint)"


@compiles(horizon, "postgresql")
def _horizon_postgresql(_element: Any, _compiler: Any, **_: Any) -> str:
    return "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"


@compiles(upcoming, "postgresql")
def _upcoming_postgresql(_element: Any, _compiler: Any, **_: Any) -> str:
    return "(pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"


@compiles(revision, "sqlite")
@compiles(upcoming, "sqlite")
@compiles(horizon, "sqlite")
def _next_sqlite(_element: Any, _compiler: Any, **_: Any) -> str:
    return "(SELECT coalesce(max(revision), 0) + 1 FROM agents)"
