"""requirements: what waiting tickets wait for, one row for each distinct signature.

Written by the router. A requirement is a row of the `matching` work list: it is ready when a
ticket was parked under it, so that an agent who got free in that very moment is not missed.
"""

from typing import Any

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, WorkColumns
from shared.db.types import Document


class Requirement(Base, WorkColumns):
    """What some ticket needs; `signature` is the need's canonical text."""

    __tablename__ = "requirements"
    __table_args__ = (
        Index(
            "ix_requirements_matching",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
    )

    signature: Mapped[str] = mapped_column(Text, primary_key=True)
    need: Mapped[dict[str, Any]] = mapped_column(Document)
