"""tickets: the heart. Written by `shared.db.ticket_changes` alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns, WorkColumns, id_column
from shared.db.types import Document, IdText, LongText, Word
from shared.domain.ticket import (
    Channel,
    Level,
    Priority,
    Severity,
    TicketStatus,
    TicketType,
)


class Ticket(Base, TimestampColumns, WorkColumns):
    """A request for help.

    `version` counts the changes and equals the sequence of the newest event. `rank` orders the
    routing list: lane first (live before bulk), then priority. `signature` is what a parked ticket
    waits for, `available_at` of a waiting ticket when its need changes by itself. `touched_at` is
    when somebody last worked on the present assignment. `queued_at` is when it began to look for
    an agent; `declined_by` who would not have it since then; `offered_to` who is being asked;
    `former_agent_id` who had it before it was reopened; `rule_fields` what rules looked at, and
    `asked` what people wrote in the fields that rules write too. `requester` is the person as they
    were when they sent it, `requester_id` who that is now. `hold` says why a paused ticket is
    paused, `life_due_at` is when a hold ends or a resolved ticket closes by itself. `sla_policy` is
    the policy that a rule named; `sla` are the clocks (`shared.domain.sla.documents`), and
    `sla_due_at` is when one of them is to warn or is breached next. `traceparent` is the trace of
    the request that made it (`shared.domain.trace_context`).
    """

    __tablename__ = "tickets"
    __table_args__ = (
        # The external id first: group commits look many up by it alone.
        UniqueConstraint("external_id", "source"),
        Index(
            "ix_tickets_ready",
            "rank",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
        Index(
            "ix_tickets_waiting",
            "signature",
            "rank",
            "expected_resolution_at",
            postgresql_where=text("work_state = 'waiting'"),
            sqlite_where=text("work_state = 'waiting'"),
        ),
        Index(
            "ix_tickets_dead",
            "available_at",
            postgresql_where=text("work_state = 'dead'"),
            sqlite_where=text("work_state = 'dead'"),
        ),
        Index("ix_tickets_requester", "requester_id", "number"),
        Index(
            "ix_tickets_served",
            "requester_id",
            "number",
            postgresql_where=text("assignee_id IS NOT NULL"),
            sqlite_where=text("assignee_id IS NOT NULL"),
        ),
        Index(
            "ix_tickets_changing",
            "available_at",
            postgresql_where=text("work_state = 'waiting'"),
            sqlite_where=text("work_state = 'waiting'"),
        ),
        *(
            Index(f"ix_tickets_{name}_number", name, "number")
            for name in (
                "status",
                "priority",
                "type",
                "channel",
                "team",
                "assignee_id",
            )
        ),
        *(
            Index(
                f"ix_tickets_{name}_number",
                name,
                "number",
                postgresql_where=text(f"{name} IS NOT NULL"),
                sqlite_where=text(f"{name} IS NOT NULL"),
            )
            for name in ("severity", "category", "product", "sla_policy")
        ),
        Index(
            "ix_tickets_tags",
            "tags",
            postgresql_using="gin",
            postgresql_ops={"tags": "jsonb_path_ops"},
            postgresql_where=text("tags <> '[]'::jsonb"),
        ).ddl_if(dialect="postgresql"),
        Index("ix_tickets_updated_at", "updated_at", "id"),
        Index("ix_tickets_created_at", "created_at", "id"),
        Index(
            "ix_tickets_due",
            "expected_resolution_at",
            "id",
            postgresql_where=text("resolved_at IS NULL AND closed_at IS NULL"),
            sqlite_where=text("resolved_at IS NULL AND closed_at IS NULL"),
        ),
        Index(
            "ix_tickets_life",
            "life_due_at",
            postgresql_where=text("life_due_at IS NOT NULL"),
            sqlite_where=text("life_due_at IS NOT NULL"),
        ),
        Index(
            "ix_tickets_sla_due_at",
            "sla_due_at",
            postgresql_where=text("sla_due_at IS NOT NULL"),
            sqlite_where=text("sla_due_at IS NOT NULL"),
        ),
        Index(
            "ix_tickets_assignee",
            "assignee_id",
            postgresql_where=text("status = 'open'"),
            sqlite_where=text("status = 'open'"),
        ),
    )

    id: Mapped[str] = id_column()
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    version: Mapped[int] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[Channel] = mapped_column(Word(Channel))
    subject: Mapped[str]
    description: Mapped[str] = mapped_column(LongText)
    requester: Mapped[dict[str, Any]] = mapped_column(Document)
    type: Mapped[TicketType] = mapped_column(Word(TicketType))
    category: Mapped[str | None]
    product: Mapped[str | None]
    severity: Mapped[Severity | None] = mapped_column(Word(Severity))
    impact: Mapped[Level | None] = mapped_column(Word(Level))
    urgency: Mapped[Level | None] = mapped_column(Word(Level))
    priority: Mapped[Priority] = mapped_column(Word(Priority))
    error_messages: Mapped[list[Any]] = mapped_column(Document)
    steps_to_reproduce: Mapped[str | None]
    impact_details: Mapped[dict[str, Any] | None] = mapped_column(Document)
    tags: Mapped[list[Any]] = mapped_column(Document)
    custom_fields: Mapped[dict[str, Any]] = mapped_column(Document)
    required_skills: Mapped[list[Any]] = mapped_column(Document)
    preferred_skills: Mapped[list[Any]] = mapped_column(Document)
    language: Mapped[str | None]
    requester_id: Mapped[str | None] = mapped_column(IdText)
    team: Mapped[str | None] = mapped_column(Text, ForeignKey("teams.name"))
    status: Mapped[TicketStatus] = mapped_column(Word(TicketStatus))
    assignee_id: Mapped[str | None] = mapped_column(IdText, ForeignKey("agents.id"))
    touched_at: Mapped[datetime | None]
    resolution: Mapped[dict[str, Any] | None] = mapped_column(Document)
    verification: Mapped[dict[str, Any] | None] = mapped_column(Document)
    satisfaction: Mapped[dict[str, Any] | None] = mapped_column(Document)
    hold: Mapped[dict[str, Any] | None] = mapped_column(Document)
    life_due_at: Mapped[datetime | None]
    reopen_count: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    merged_into_id: Mapped[str | None] = mapped_column(IdText)
    time_spent_s: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    expected_resolution_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    rank: Mapped[int] = mapped_column(SmallInteger)
    signature: Mapped[str | None]
    queued_at: Mapped[datetime]
    declined_by: Mapped[list[Any]] = mapped_column(Document)
    former_agent_id: Mapped[str | None] = mapped_column(IdText)
    offered_to: Mapped[str | None] = mapped_column(IdText)
    asked: Mapped[dict[str, Any] | None] = mapped_column(Document)
    rule_fields: Mapped[list[Any]] = mapped_column(Document)
    sla_policy: Mapped[str | None]
    sla: Mapped[dict[str, Any] | None] = mapped_column(Document)
    sla_due_at: Mapped[datetime | None]
    correlation_id: Mapped[str]
    traceparent: Mapped[str | None]
