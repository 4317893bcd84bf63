"""dry_runs: questions to the router, and its answers. Asked by intake, answered by the router."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, WorkColumns, id_column
from shared.db.types import Document


class DryRun(Base, WorkColumns):
    """What would happen to a ticket now? A row of the `questions` work list, kept for minutes."""

    __tablename__ = "dry_runs"
    __table_args__ = (
        Index(
            "ix_dry_runs_ready",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
    )

    id: Mapped[str] = id_column()
    question: Mapped[dict[str, Any]] = mapped_column(Document)
    answer: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
