"""Moments in SQL: the time between two of them, and those that documents hold as text."""

from datetime import datetime
from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from shared.db.types import UTCDateTime


class seconds_between(FunctionElement[float]):  # noqa: N801 -- read as a function of SQL
    """The seconds from the first moment to the second."""

    type = Float()
    inherit_cache = True


@compiles(seconds_between, "postgresql")
def _postgresql(element: Any, compiler: Any, **kwargs: Any) -> str:
    start, end = (compiler.process(clause, **kwargs) for clause in element.clauses)
    return f"extract(epoch FROM ({end} - {start}))::float"


@compiles(seconds_between, "sqlite")
def _sqlite(element: Any, compiler: Any, **kwargs: Any) -> str:
    start, end = (compiler.process(clause, **kwargs) for clause in element.clauses)
    return f"((julianday({end}) - julianday({start})) * 86400.0)"


class moment_in(FunctionElement[datetime]):  # noqa: N801 -- read as a function of SQL
    """The moment that a text of RFC 3339 in UTC names; null for null. SQLite knows milliseconds."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(moment_in, "postgresql")
def _postgresql_moment(element: Any, compiler: Any, **kwargs: Any) -> str:
    [text] = (compiler.process(clause, **kwargs) for clause in element.clauses)
    return f"CAST({text} AS timestamptz)"


@compiles(moment_in, "sqlite")
def _sqlite_moment(element: Any, compiler: Any, **kwargs: Any) -> str:
    [text] = (compiler.process(clause, **kwargs) for clause in element.clauses)
    return f"(strftime('%Y-%m-%d %H:%M:%f', {text}) || '000')"
