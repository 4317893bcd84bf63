"""Databases of proofs that were broken off: `patchbay verify --chaos`, killed, drops nothing."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from services.chaos.names import PREFIX
from services.cli.doctor.finding import Finding, note

#: One that somebody is connected to is of a proof that runs.
_LEFT = text(
    "SELECT datname FROM pg_database AS made WHERE starts_with(datname, :prefix) AND NOT EXISTS "
    "(SELECT FROM pg_stat_activity AS session WHERE session.datid = made.oid) ORDER BY datname"
)


def examine(connection: Connection) -> Iterator[Finding]:
    """Yield what is left of proofs on the server of this connection (PostgreSQL)."""
    left = list(connection.execute(_LEFT, {"prefix": PREFIX}).scalars())
    if left:
        yield note(
            f"{len(left)} databases of patchbay verify --chaos are left: {', '.join(left)}",
            "it was killed before it could drop them; they take room and hold your configuration",
            "; ".join(f"DROP DATABASE {name}" for name in left),
        )
