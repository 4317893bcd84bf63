"""agents, their skills and teams.

Written by intake (who they are, presence, capacity) and, for `load`, by
`shared.db.ticket_changes` alone. An agent is also a row of the `matching` work list: it is ready
whenever it may have got room for a waiting ticket.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns, WorkColumns, id_column
from shared.db.revision import revision
from shared.db.types import Document, IdText, Word
from shared.domain.agent import Presence


class Agent(Base, TimestampColumns, WorkColumns):
    """A person who solves tickets.

    `load` is the sum of the weights of the open assignments. `overcommit` is how far the load is
    knowingly above the capacity: lowering a busy agent's capacity takes no ticket away, it only
    stops new ones. `revision` rises with every change that routing can see, so that an index in
    memory reads only what changed. `presence_since` is when the present presence began.
    `calendar` and `shifts` say when the agent works; with neither, always.
    Shifts, a document of `shared.schemas.working_hours`, take the place of the calendar's hours.
    """

    __tablename__ = "agents"
    __table_args__ = (
        CheckConstraint("load >= 0 AND load <= capacity + overcommit", name="load_within_capacity"),
        Index(
            "ix_agents_matching",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
        Index("ix_agents_revision", "revision"),
    )

    id: Mapped[str] = id_column()
    name: Mapped[str]
    email: Mapped[str] = mapped_column(Text, unique=True)
    locale: Mapped[str]
    presence: Mapped[Presence] = mapped_column(Word(Presence))
    capacity: Mapped[int] = mapped_column(Integer)
    load: Mapped[int] = mapped_column(Integer)
    overcommit: Mapped[int] = mapped_column(Integer)
    idle_since: Mapped[datetime]
    assigned_at: Mapped[datetime | None]
    presence_since: Mapped[datetime]
    languages: Mapped[list[Any]] = mapped_column(Document)
    conflicts: Mapped[list[Any]] = mapped_column(Document)
    revision: Mapped[int] = mapped_column(BigInteger, default=revision(), onupdate=revision())
    calendar: Mapped[str | None] = mapped_column(Text, ForeignKey("calendars.name"))
    shifts: Mapped[dict[str, Any] | None] = mapped_column(Document)


class AgentSkill(Base):
    """How good an agent is at a skill, 1 (beginner) to 5 (expert)."""

    __tablename__ = "agent_skills"

    agent_id: Mapped[str] = mapped_column(IdText, ForeignKey("agents.id"), primary_key=True)
    skill: Mapped[str] = mapped_column(Text, ForeignKey("skills.name"), primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger)


class AgentTeam(Base):
    """An agent's membership of a team."""

    __tablename__ = "agent_teams"

    agent_id: Mapped[str] = mapped_column(IdText, ForeignKey("agents.id"), primary_key=True)
    team: Mapped[str] = mapped_column(Text, ForeignKey("teams.name"), primary_key=True)
