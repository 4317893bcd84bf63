"""delivery_attempts: what happened each time. Written by the notifier alone."""

from datetime import datetime

from sqlalchemy import Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText


class DeliveryAttempt(Base):
    """One try. `status` is the receiver's answer code, where there was an answer.

    `detail` is for the owner of the endpoint, `operator_detail` has what only the operator may
    know, such as the address that was refused.
    """

    __tablename__ = "delivery_attempts"

    id: Mapped[str] = id_column()
    delivery_id: Mapped[str] = mapped_column(IdText, index=True)
    number: Mapped[int] = mapped_column(SmallInteger)
    finished_at: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(Integer)
    outcome: Mapped[str]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    detail: Mapped[str]
    operator_detail: Mapped[str | None]
    response_body: Mapped[str]
