"""The place of an event in the feed, as a column's default.

On PostgreSQL it is the number of the writing transaction, above an offset that is 0 unless the
database was restored from a dump; a trigger raises it to that of the ticket's event before.
`docs/adr/0020-the-feed-goes-by-transactions.md` says why.
"""

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class feed_key(FunctionElement[int]):  # noqa: N801 -- read as a function of SQL
    """The feed key of an event that this transaction writes."""

    type = BigInteger()
    inherit_cache = True


@compiles(feed_key, "postgresql")
def _postgresql(_element: Any, _compiler: Any, **_: Any) -> str:
    return "((pg_current_xact_id()::text)::bigint + feed_offset())"


@compiles(feed_key, "sqlite")
def _sqlite(_element: Any, _compiler: Any, **_: Any) -> str:
    return "0"
