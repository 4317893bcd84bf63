"""ticket_links: which tickets belong together. Written by `shared.db.ticket_changes` alone."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText, Word
from shared.domain.link import LinkKind


class TicketLink(Base):
    """A link: `other_id` is the `kind` of `ticket_id`. Of `related` the smaller id is first."""

    __tablename__ = "ticket_links"
    __table_args__ = (
        Index("ix_ticket_links_other", "other_id", "kind"),
        Index(
            "uq_ticket_links_one_parent",
            "ticket_id",
            unique=True,
            postgresql_where=text("kind = 'parent'"),
            sqlite_where=text("kind = 'parent'"),
        ),
    )

    ticket_id: Mapped[str] = mapped_column(IdText, ForeignKey("tickets.id"), primary_key=True)
    kind: Mapped[LinkKind] = mapped_column(Word(LinkKind), primary_key=True)
    other_id: Mapped[str] = mapped_column(IdText, ForeignKey("tickets.id"), primary_key=True)
    created_at: Mapped[datetime]
