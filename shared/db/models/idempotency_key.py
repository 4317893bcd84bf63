"""idempotency_keys: what a request with an Idempotency-Key was answered. Written by intake."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class IdempotencyKey(Base):
    """A remembered answer, in the scope of the API key that asked."""

    __tablename__ = "idempotency_keys"

    api_key_id: Mapped[str] = mapped_column(IdText, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[str]
    ticket_id: Mapped[str] = mapped_column(IdText, index=True)
    answer: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
