"""How long a text is, in SQL."""

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class octets(FunctionElement[int]):  # noqa: N801 -- read as a function of SQL
    """The bytes of a text; null for null. PostgreSQL does not read a long one for it."""

    type = Integer()
    inherit_cache = True


@compiles(octets, "postgresql")
def _postgresql(element: Any, compiler: Any, **kwargs: Any) -> str:
    [text] = (compiler.process(clause, **kwargs) for clause in element.clauses)
    return f"octet_length({text})"


@compiles(octets, "sqlite")
def _sqlite(element: Any, compiler: Any, **kwargs: Any) -> str:
    [text] = (compiler.process(clause, **kwargs) for clause in element.clauses)
    return f"length(CAST({text} AS BLOB))"
