"""comments: what was said about a ticket. Written by `shared.db.ticket_changes` alone."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText, LongText, Word
from shared.domain.comment import AuthorKind, Visibility


class Comment(Base):
    """One thing said. `merged_from_id` is the ticket under which it was said, if another."""

    __tablename__ = "comments"
    __table_args__ = (Index("ix_comments_ticket", "ticket_id", "id"),)

    id: Mapped[str] = id_column()
    ticket_id: Mapped[str] = mapped_column(IdText, ForeignKey("tickets.id"))
    author_kind: Mapped[AuthorKind] = mapped_column(Word(AuthorKind))
    author_id: Mapped[str | None] = mapped_column(IdText)
    author_name: Mapped[str | None]
    visibility: Mapped[Visibility] = mapped_column(Word(Visibility))
    body: Mapped[str] = mapped_column(LongText)
    time_spent_s: Mapped[int] = mapped_column(Integer)
    merged_from_id: Mapped[str | None] = mapped_column(IdText)
    created_at: Mapped[datetime]
