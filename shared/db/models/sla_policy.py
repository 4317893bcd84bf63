"""sla_policies and their versions: what is promised. Written by intake."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns
from shared.db.types import Document


class SlaPolicy(Base, TimestampColumns):
    """A policy as it is; the version rises with each change of it, or of its calendar."""

    __tablename__ = "sla_policies"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    #: Whose hours are counted; none means around the clock.
    calendar: Mapped[str | None] = mapped_column(Text, ForeignKey("calendars.name"))
    document: Mapped[dict[str, Any]] = mapped_column(Document)


class SlaPolicyVersion(Base):
    """A version of a policy, with all that counting by it needs; never changed or deleted.

    `calendar` holds the calendar's zone, hours and holidays as they were. Metric events name the
    version, so that any clock can be recomputed whatever was edited since.
    """

    __tablename__ = "sla_policy_versions"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    calendar: Mapped[dict[str, Any] | None] = mapped_column(Document)
    created_at: Mapped[datetime]
