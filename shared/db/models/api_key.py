"""api_keys: who may call the API. Only a hash of the key is kept. Written by the CLI."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import Document, IdText, Word
from shared.domain.role import Role


class ApiKey(Base):
    """A key: `digest` is the SHA-256, in hex, of the random token that was shown once.

    `read_limit`, `write_limit` and `bulk_limit` are its own limits in requests per minute, 0 for
    none; null means that the installation's apply. A key of the role requester is
    `requester_id`'s and reaches nothing but their tickets. After a rotation the token before works
    until `previous_until`, under the same id, so that whatever is told apart by key stays.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        Index(
            "ix_api_keys_requester",
            "requester_id",
            postgresql_where=text("requester_id IS NOT NULL"),
            sqlite_where=text("requester_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = id_column()
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(Text, unique=True)
    scopes: Mapped[list[Any]] = mapped_column(Document)
    role: Mapped[Role] = mapped_column(Word(Role), server_default=text("'admin'"))
    requester_id: Mapped[str | None] = mapped_column(IdText)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    #: To the minute.
    last_used_at: Mapped[datetime | None]
    previous_digest: Mapped[str | None] = mapped_column(Text, unique=True)
    previous_until: Mapped[datetime | None]
    read_limit: Mapped[int | None] = mapped_column(Integer)
    write_limit: Mapped[int | None] = mapped_column(Integer)
    bulk_limit: Mapped[int | None] = mapped_column(Integer)
