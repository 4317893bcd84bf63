"""Work lists: rows that are ready, claimed in batches, handled once, never lost.

A table with `WorkColumns` is a work list. Claiming locks the rows for the length of the caller's
transaction (`FOR UPDATE SKIP LOCKED` on PostgreSQL; on SQLite the one write transaction), so two
workers never hold the same row, and a worker that dies gives its rows back by dying.

Work that leaves the transaction, such as a POST to a receiver, is *leased*: `available_at` moves to
the end of the lease and a token is written. An expired lease is nothing special, the row is simply
ready again; and whoever comes back too late finds another token and changes nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, exists, func, select, update

from shared.db.engine import Row, Transaction
from shared.db.types import READY, WAITING
from shared.domain.work import ListName, WorkState, backoff
from shared.observability import metrics

#: How much of an error's text is kept on the row.
MAX_ERROR_CHARS = 2000


@dataclass(frozen=True, slots=True)
class WorkList:
    """One list: its table, its key column, and the columns that say what is most urgent."""

    name: ListName
    table: Table
    key: str
    urgency: tuple[str, ...]

    def claim(
        self, tx: Transaction, now: datetime, limit: int, *, only: Sequence[str] | None = None
    ) -> list[Row]:
        """Lock and return up to `limit` ready rows, the most urgent first.

        `only` narrows the claim to rows with these keys. Rows that another transaction holds are
        passed over.
        """
        query = _ready(self)
        if only is not None:
            query = query.where(self.table.c[self.key].in_(only))
        return tx.rows(query, {"now": now, "most": limit})

    def lease(
        self, tx: Transaction, rows: Sequence[Row], now: datetime, duration: timedelta
    ) -> str:
        """Take claimed rows out of the transaction until `now + duration`; return the token.

        Counts an attempt on each row.
        """
        token = secrets.token_hex(8)
        until = now + duration
        tx.update(
            self.table,
            [
                {
                    self.key: row[self.key],
                    "available_at": until,
                    "lease_token": token,
                    "attempts": row["attempts"] + 1,
                }
                for row in rows
            ],
            key=(self.key,),
        )
        return token

    def settle(self, tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the outcome of leased rows; each row has the key, `lease_token` and new values.

        A row whose lease has passed to somebody else stays as it is. The token goes, so that what
        is under way can be told from what rests.
        """
        tx.update(self.table, rows, key=(self.key, "lease_token"), cleared="lease_token")

    def fail(self, tx: Transaction, row: Row, error: str, now: datetime) -> WorkState:
        """Record that handling a row failed: it rests and is tried again, or is dead.

        Returns the row's new state.
        """
        attempts = row["attempts"] + 1
        rest = backoff(attempts)
        state = WorkState.DEAD if rest is None else WorkState.READY
        tx.update(
            self.table,
            [
                {
                    self.key: row[self.key],
                    "work_state": state,
                    "attempts": attempts,
                    "available_at": now + (rest or timedelta(0)),
                    "last_error": error[:MAX_ERROR_CHARS],
                }
            ],
            key=(self.key,),
        )
        metrics.rows_failed.labels(self.name, "dead" if rest is None else "retried").inc()
        return state

    def wait(self, tx: Transaction, moments: Sequence[tuple[str, datetime]]) -> None:
        """Let claimed rows wait on, until something happens or their moments come."""
        rows = [
            {
                self.key: key,
                "work_state": WorkState.WAITING,
                "available_at": moment,
                "attempts": 0,
                "last_error": None,
            }
            for key, moment in moments
        ]
        tx.update(self.table, rows, key=(self.key,))

    def put_off(self, tx: Transaction, moments: Sequence[tuple[str, datetime]]) -> None:
        """Let rows rest until their moments."""
        rows = [{self.key: key, "available_at": moment} for key, moment in moments]
        tx.update(self.table, rows, key=(self.key,))

    def wake(self, tx: Transaction, keys: Sequence[str], now: datetime) -> None:
        """Make waiting rows ready."""
        columns = self.table.c
        tx.execute(
            update(self.table)
            .where(columns[self.key].in_(keys), columns.work_state == WAITING)
            .values(work_state=WorkState.READY, available_at=now)
        )

    def redrive(self, tx: Transaction, keys: Sequence[str], now: datetime) -> int:
        """Make dead (or unknown) rows ready again, with all their attempts; return how many."""
        columns = self.table.c
        statement = (
            update(self.table)
            .where(
                columns[self.key].in_(keys),
                columns.work_state.in_([WorkState.DEAD, WorkState.UNKNOWN]),
            )
            .values(work_state=WorkState.READY, available_at=now, attempts=0)
        )
        return tx.execute(statement).rowcount  # type: ignore[attr-defined,no-any-return]

    def has_ready(self, connection: Connection, before: datetime) -> bool:
        """Tell whether a row has been ready since `before`: one look at the partial index."""
        return bool(connection.execute(_any_ready(self), {"before": before}).scalar_one())

    def next_due(self, connection: Connection, after: datetime) -> datetime | None:
        """Return when the next row becomes ready that is not yet, or None."""
        found: datetime | None = connection.execute(_next(self), {"after": after}).scalar_one()
        return found


@cache
def _any_ready(work_list: WorkList) -> Select[Any]:
    columns = work_list.table.c
    ready = select(columns[work_list.key]).where(
        columns.work_state == READY, columns.available_at <= bindparam("before")
    )
    return select(exists(ready))


@cache
def _next(work_list: WorkList) -> Select[Any]:
    columns = work_list.table.c
    return select(func.min(columns.available_at)).where(
        columns.work_state == READY, columns.available_at > bindparam("after")
    )


@cache
def _ready(work_list: WorkList) -> Select[Any]:
    columns = work_list.table.c
    return (
        select(work_list.table)
        .where(columns.work_state == READY, columns.available_at <= bindparam("now"))
        .order_by(*(columns[name] for name in work_list.urgency))
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, key_share=True)
    )
