"""absences: when an agent is not there, whatever their shifts say. Written by intake."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText, Word
from shared.domain.agent import AbsenceSource


class Absence(Base):
    """One absence, from `starts_at` to before `ends_at`. An import replaces those of its source."""

    __tablename__ = "absences"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("ix_absences_agent", "agent_id", "ends_at"),
    )

    id: Mapped[str] = id_column()
    agent_id: Mapped[str] = mapped_column(IdText, ForeignKey("agents.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    source: Mapped[AbsenceSource] = mapped_column(Word(AbsenceSource))
    created_at: Mapped[datetime]
