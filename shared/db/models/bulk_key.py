"""bulk_keys: which ticket a named line of a bulk body made. Written by intake alone."""

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class BulkKey(Base):
    """A line's idempotency key in the scope of the API key, and what it asked for, hashed."""

    __tablename__ = "bulk_keys"

    api_key_id: Mapped[str] = mapped_column(IdText, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    content_hash: Mapped[str]
    ticket_id: Mapped[str] = mapped_column(IdText)
    number: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime] = mapped_column(index=True)
