"""search_documents: what search knows of tickets. Written by `shared.db.search` alone."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class SearchDocument(Base):
    """A ticket's words and fields, made from its present state whenever an event tells of it.

    `number` is the ticket's. `audience` is 0 for what everybody may find, 1 with the internal
    comments; a ticket without those has the first only, for all. `words` are the stems and fields
    on PostgreSQL; SQLite keeps them in the FTS5 table `search_words`, whose row is
    2 * number + audience.
    """

    __tablename__ = "search_documents"
    __table_args__ = (
        Index(
            "ix_search_documents_words",
            "words",
            postgresql_using="gin",
            # New entries wait in a list that each search reads through; it must stay short.
            postgresql_with={"gin_pending_list_limit": 512},
            sqlite_where=text("words IS NOT NULL"),
        ),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    audience: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    ticket_id: Mapped[str] = mapped_column(IdText)
    created_at: Mapped[datetime]
    words: Mapped[str | None] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))
