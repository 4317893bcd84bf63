"""event_outbox: events that nobody has fanned out yet; fan-out deletes its rows.

Written by `shared.db.ticket_changes`, emptied by the notifier.
"""

from sqlalchemy import Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, WorkColumns, id_column
from shared.db.types import IdText


class OutboxEntry(Base, WorkColumns):
    """One event to be fanned out. The id is the event's."""

    __tablename__ = "event_outbox"
    __table_args__ = (
        Index(
            "ix_event_outbox_ready",
            "rank",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
        Index("ix_event_outbox_ticket", "ticket_id", "sequence"),
    )

    id: Mapped[str] = id_column()
    ticket_id: Mapped[str] = mapped_column(IdText)
    sequence: Mapped[int] = mapped_column(Integer)
    rank: Mapped[int] = mapped_column(SmallInteger)
