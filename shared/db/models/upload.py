"""uploads: files that were declared and perhaps sent, until a ticket or comment takes them.

Written by intake; taking one deletes its row and makes an attachment, in one transaction.
"""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText


class Upload(Base):
    """A promise of a file. `storage_key` is there when the content is.

    `sha256` is the declared one until then. Of the token only a hash is kept.
    """

    __tablename__ = "uploads"

    id: Mapped[str] = id_column()
    token_digest: Mapped[str]
    name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str | None]
    sha256: Mapped[str | None]
    storage_key: Mapped[str | None] = mapped_column(IdText, index=True)
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
