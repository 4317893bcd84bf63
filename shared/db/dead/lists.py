"""The lists whose rows can be dead: where they are, and what is said of one in a line."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, true

from shared.db.engine import Row
from shared.db.types import EMAIL, WEBHOOK
from shared.db.work_list import WorkList
from shared.db.work_lists import (
    ATTACHMENTS_TO_SCAN,
    BULK_CHUNKS,
    DELIVERIES_DUE,
    EVENTS_TO_FAN_OUT,
    QUESTIONS,
    TICKETS_TO_ROUTE,
)
from shared.domain.ids import Prefix
from shared.domain.work import ListName


@dataclass(frozen=True, slots=True)
class DeadList:
    """A list. `died` is the column with the time of the last try, `about` a row in a line.

    `owner` is the column with the ticket, job or nothing that a row belongs to.
    """

    name: ListName
    work_list: WorkList
    prefix: Prefix
    died: str
    about: Callable[[Row], str]
    owner: str | None = None

    @property
    def table(self) -> Table:
        """Return the table of the rows."""
        return self.work_list.table

    @property
    def condition(self) -> ColumnElement[bool]:
        """Return what tells its rows from others of the same table."""
        channel = _CHANNELS.get(self.name)
        return true() if channel is None else self.table.c.channel == channel


_CHANNELS = {ListName.WEBHOOK: WEBHOOK, ListName.EMAIL: EMAIL}


def _delivery(row: Row) -> str:
    return f"{row['kind']} of {row['event_id']} to {row['receiver']}"


LISTS: tuple[DeadList, ...] = (
    DeadList(
        ListName.ROUTING,
        TICKETS_TO_ROUTE,
        Prefix.TICKET,
        "available_at",
        lambda row: f"ticket {row['number']} ({row['status']})",
        "id",
    ),
    DeadList(
        ListName.EVENTS,
        EVENTS_TO_FAN_OUT,
        Prefix.EVENT,
        "available_at",
        lambda row: f"event {row['sequence']} of {row['ticket_id']}",
        "ticket_id",
    ),
    DeadList(
        ListName.WEBHOOK, DELIVERIES_DUE, Prefix.DELIVERY, "finished_at", _delivery, "ticket_id"
    ),
    DeadList(
        ListName.EMAIL, DELIVERIES_DUE, Prefix.DELIVERY, "finished_at", _delivery, "ticket_id"
    ),
    DeadList(
        ListName.SCANNING,
        ATTACHMENTS_TO_SCAN,
        Prefix.ATTACHMENT,
        "available_at",
        lambda row: f"file {row['name']} of {row['ticket_id']}",
        "ticket_id",
    ),
    DeadList(
        ListName.BULK,
        BULK_CHUNKS,
        Prefix.BULK_CHUNK,
        "available_at",
        lambda row: f"{row['lines']} lines from {row['first_line']} of {row['job_id']}",
        "job_id",
    ),
    DeadList(
        ListName.QUESTIONS,
        QUESTIONS,
        Prefix.DRY_RUN,
        "available_at",
        lambda _: "a question to the router",
    ),
)
