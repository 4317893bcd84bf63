"""api_keys: who may call the API. Only a hash of the key is kept. Written by the CLI."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import Document, Word
from shared.domain.role import Role


class ApiKey(Base):
    """A key: `digest` is the SHA-256, in hex, of the random token that was shown once.

    `read_limit`, `write_limit` and `bulk_limit` are its own limits in requests per minute, 0 for
    none; null means that the installation's apply.
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = id_column()
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(Text, unique=True)
    scopes: Mapped[list[Any]] = mapped_column(Document)
    role: Mapped[Role] = mapped_column(Word(Role), server_default=text("'admin'"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    read_limit: Mapped[int | None] = mapped_column(Integer)
    write_limit: Mapped[int | None] = mapped_column(Integer)
    bulk_limit: Mapped[int | None] = mapped_column(Integer)
