"""mail_preferences: what people want of mails. Written by intake."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import Document


class MailPreference(Base):
    """The preferences of an agent or requester, by their id.

    `document` is one of `shared.schemas.mail.MailPreferencesSchema`. Who has none gets every mail
    at once.
    """

    __tablename__ = "mail_preferences"

    id: Mapped[str] = id_column()
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    updated_at: Mapped[datetime]
