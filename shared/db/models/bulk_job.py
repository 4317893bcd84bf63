"""bulk_jobs: bulk bodies that are handled by and by. Written by intake alone."""

from datetime import datetime

from sqlalchemy import Boolean, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText, Word
from shared.domain.bulk import BulkMode
from shared.domain.ticket import Lane


class BulkJob(Base):
    """A body and how it is to be handled; how far it got is told by its chunks.

    `key` is the request's Idempotency-Key, by which an upload that broke off goes on.
    `received_at` is null until the body is whole; nothing is handled before.
    """

    __tablename__ = "bulk_jobs"
    __table_args__ = (UniqueConstraint("api_key_id", "key"),)

    id: Mapped[str] = id_column()
    api_key_id: Mapped[str] = mapped_column(IdText)
    key: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str]
    correlation_id: Mapped[str]
    mode: Mapped[BulkMode] = mapped_column(Word(BulkMode))
    lane: Mapped[Lane] = mapped_column(Word(Lane))
    dry_run: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    received_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
