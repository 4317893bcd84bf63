"""mail_suppressions: who is not written to. Written by `shared.db.suppressions` alone."""

from datetime import datetime

from sqlalchemy import SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import Word
from shared.domain.suppression import SuppressionReason


class MailSuppression(Base):
    """An address, in small letters. It is suppressed from `since` until `until` (null: for good).

    One that bounced for a passing reason is only counted at first: `since` is null, and `strikes`
    says how often.
    """

    __tablename__ = "mail_suppressions"

    address: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[SuppressionReason] = mapped_column(Word(SuppressionReason))
    detail: Mapped[str]
    strikes: Mapped[int] = mapped_column(SmallInteger)
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    updated_at: Mapped[datetime]
