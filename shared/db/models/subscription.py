"""subscriptions: who wants which events at which URL. Written by intake; the notifier disables."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, true
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns, id_column
from shared.db.sealed_types import SealedDocument
from shared.db.types import Document, Word
from shared.domain.subscription import AfterOutage, Ordering, PayloadStyle


class Subscription(Base, TimestampColumns):
    """A webhook endpoint.

    `event_types` holds names and patterns of `shared.domain.event_pattern`; an empty list is `*`.
    `filter` is a condition in CEL over the event. `secrets` are those that sign, the newest first,
    as `shared.domain.endpoint_secret` has them. Rate and concurrency are the notifier's own where
    they are null.
    """

    __tablename__ = "subscriptions"

    id: Mapped[str] = id_column()
    url: Mapped[str]
    event_types: Mapped[list[Any]] = mapped_column(Document)
    filter: Mapped[str | None]
    description: Mapped[str]
    payload_style: Mapped[PayloadStyle] = mapped_column(Word(PayloadStyle))
    headers: Mapped[dict[str, Any]] = mapped_column(SealedDocument("subscriptions.headers"))
    secrets: Mapped[list[Any]] = mapped_column(SealedDocument("subscriptions.secrets"))
    rate_limit_per_s: Mapped[int | None] = mapped_column(Integer)
    concurrency: Mapped[int | None] = mapped_column(Integer)
    ordering: Mapped[Ordering] = mapped_column(Word(Ordering))
    after_outage: Mapped[AfterOutage] = mapped_column(Word(AfterOutage))
    trace_context: Mapped[bool] = mapped_column(server_default=true())
    owner_email: Mapped[str | None]
    enabled: Mapped[bool]
    disabled_reason: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
