"""assignments: who had a ticket, from when to when. Written by `shared.db.ticket_changes` alone."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText, Word
from shared.domain.agent import AssignmentEnd


class Assignment(Base):
    """A ticket in an agent's hands, or offered to them.

    An offer has `offered_until` and no `accepted_at`; it takes its agent's capacity like any other.

    The partial unique index has the last word: at most one open assignment for each ticket,
    whatever the code above believes.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        Index(
            "uq_assignments_one_open_per_ticket",
            "ticket_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_assignments_open_by_agent",
            "agent_id",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = id_column()
    ticket_id: Mapped[str] = mapped_column(IdText, ForeignKey("tickets.id"))
    agent_id: Mapped[str] = mapped_column(IdText, ForeignKey("agents.id"))
    decision_id: Mapped[str] = mapped_column(IdText)
    weight: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime]
    offered_until: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[AssignmentEnd | None] = mapped_column(Word(AssignmentEnd))
