"""mail_digest_entries: which held mail was told in which digest. The notifier alone writes it."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText


class MailDigestEntry(Base):
    """A delivery (`id`) that another one, the first of its receiver's held mails, tells of."""

    __tablename__ = "mail_digest_entries"

    id: Mapped[str] = id_column()
    digest_id: Mapped[str] = mapped_column(IdText, index=True)
    created_at: Mapped[datetime]
