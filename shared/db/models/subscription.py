"""subscriptions: who wants which events at which URL. Written by intake; the notifier disables."""

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns, id_column
from shared.db.types import Document


class Subscription(Base, TimestampColumns):
    """A webhook endpoint. `event_types` holds exact names; an empty list means every event."""

    __tablename__ = "subscriptions"

    id: Mapped[str] = id_column()
    url: Mapped[str]
    event_types: Mapped[list[Any]] = mapped_column(Document)
    description: Mapped[str]
    secret: Mapped[str]
    enabled: Mapped[bool]
    disabled_reason: Mapped[str | None]
