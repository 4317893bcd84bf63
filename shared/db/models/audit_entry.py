"""audit_log: administrative acts, appended in the transaction of each. `shared.db.audit` writes it.

A trigger of the database refuses to change a row, and to delete one that is younger than a day.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import Document, IdText


class AuditEntry(Base):
    """Who did what to which thing, when, in which request and from where.

    `details` names what was set, counts it, or tells by a digest whether it is what is there now.
    It holds no secret and nothing that people wrote: erasure need not reach it.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_at", "at", "id"),
        Index("ix_audit_log_target", "target", "at"),
    )

    id: Mapped[str] = id_column()
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str | None] = mapped_column(IdText)
    request_id: Mapped[str | None]
    address: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(Document)
