"""ticket_events: append-only; audit trail, webhook source and event feed at once.

Written by `shared.db.ticket_changes` alone.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.feed_key import feed_key
from shared.db.models.base import Base, id_column
from shared.db.types import IdText, LongText, Word
from shared.domain.event import EventType


class TicketEvent(Base):
    """One fact about a ticket.

    `sequence` counts from 1 without a gap within a ticket. `body` is the finished JSON text that is
    signed and sent: rendered once, never again, so a signature always covers the stored bytes.
    `feed_key` is the place in the feed (`shared.db.feed`), which the database gives; SQLite keeps
    that in the row's number instead, and 0 here.
    """

    __tablename__ = "ticket_events"
    __table_args__ = (
        UniqueConstraint("ticket_id", "sequence"),
        Index(
            "ix_ticket_events_feed",
            "feed_key",
            "ticket_id",
            "sequence",
            sqlite_where=text("feed_key > 0"),
        ),
    )

    id: Mapped[str] = id_column()
    ticket_id: Mapped[str] = mapped_column(IdText, ForeignKey("tickets.id"))
    sequence: Mapped[int] = mapped_column(Integer)
    type: Mapped[EventType] = mapped_column(Word(EventType))
    occurred_at: Mapped[datetime]
    actor: Mapped[str]
    correlation_id: Mapped[str]
    traceparent: Mapped[str | None]
    body: Mapped[str] = mapped_column(LongText)
    feed_key: Mapped[int] = mapped_column(BigInteger, server_default=feed_key())
