"""teams: who tickets are routed within. Written by intake."""

from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns
from shared.db.types import Document


class Team(Base, TimestampColumns):
    """A team and its routing profile. The name is the key: short, lower case, never changed."""

    __tablename__ = "teams"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str]
    weights: Mapped[dict[str, Any]] = mapped_column(Document)
    return_untouched: Mapped[bool]
    #: Its business hours; none means always.
    calendar: Mapped[str | None] = mapped_column(Text, ForeignKey("calendars.name"))
