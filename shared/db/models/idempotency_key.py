"""idempotency_keys: what a request with an Idempotency-Key was answered. Written by intake."""

from datetime import datetime

from sqlalchemy import SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class IdempotencyKey(Base):
    """A remembered answer, written in the transaction of the effect that it tells of.

    `operation` is the method and the pattern of the path. `request_hash` is of the values in the
    path and of the body; `subject_id` the ticket, requester or subscription that it is about;
    `answer` the body of the answer, `headers` its Location and ETag as JSON. An answer about a
    subscription may hold its secret, so it is sealed; see `shared.domain.sealing`.
    """

    __tablename__ = "idempotency_keys"

    api_key_id: Mapped[str] = mapped_column(IdText, primary_key=True)
    operation: Mapped[str] = mapped_column(IdText, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[str]
    subject_id: Mapped[str | None] = mapped_column(IdText, index=True)
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[str]
    answer: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
