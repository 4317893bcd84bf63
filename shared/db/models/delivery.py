"""deliveries: one event on its way to one receiver.

Written by the notifier; intake adds test events, and makes what is sent again ready.
"""

from datetime import datetime

from sqlalchemy import Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, WorkColumns, id_column
from shared.db.types import IdText, Word
from shared.domain.delivery import DeliveryChannel

#: Indexes of what is ready, each for one channel: by one that both can use PostgreSQL goes through
#: all that is due to find the oldest of one receiver, while it takes the list for short.
_BY_CHANNEL = (
    (DeliveryChannel.WEBHOOK, "ix_deliveries_webhook_urgent", ("receiver", "rank", "available_at")),
    (DeliveryChannel.WEBHOOK, "ix_deliveries_webhook_oldest", ("receiver", "available_at")),
    (DeliveryChannel.EMAIL, "ix_deliveries_email_urgent", ("rank", "available_at")),
    (DeliveryChannel.EMAIL, "ix_deliveries_email_due", ("available_at",)),
)


class Delivery(Base, WorkColumns):
    """A delivery. `receiver` is a subscription's id or an e-mail address; `kind` is the mail.

    `lease_token` fences: a result is recorded only by whoever holds the present lease.
    `data_started_at` is set before an e-mail's DATA, the one step whose success nobody can know
    after a crash. `payload` is the event itself where no ticket has it: a test, or news about
    webhooks; its `ticket_id` is the receiving subscription's, and its `sequence` 0.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "channel", "receiver"),
        Index("ix_deliveries_receiver", "receiver", "created_at", "id"),
        *(
            Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))
            for channel, name, columns in _BY_CHANNEL
            for where in (f"work_state = 'ready' AND channel = '{channel.value}'",)
        ),
        Index(
            "ix_deliveries_order",
            "ticket_id",
            "receiver",
            "sequence",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
        # What did not arrive, among the many that did.
        Index(
            "ix_deliveries_not_arrived",
            "work_state",
            "id",
            postgresql_where=text("work_state IN ('dead', 'unknown', 'bounced')"),
            sqlite_where=text("work_state IN ('dead', 'unknown', 'bounced')"),
        ),
        # What an address was sent lately, which loops are stopped by.
        Index(
            "ix_deliveries_mailed",
            "receiver",
            "finished_at",
            postgresql_where=text("channel = 'email'"),
            sqlite_where=text("channel = 'email'"),
        ),
    )

    id: Mapped[str] = id_column()
    event_id: Mapped[str] = mapped_column(IdText)
    ticket_id: Mapped[str] = mapped_column(IdText)
    sequence: Mapped[int] = mapped_column(Integer)
    channel: Mapped[DeliveryChannel] = mapped_column(Word(DeliveryChannel))
    receiver: Mapped[str] = mapped_column(IdText)
    kind: Mapped[str]
    rank: Mapped[int] = mapped_column(SmallInteger)
    lease_token: Mapped[str | None]
    data_started_at: Mapped[datetime | None]
    payload: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
