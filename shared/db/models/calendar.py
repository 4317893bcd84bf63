"""calendars: hours and holidays that agents and teams share. Written by intake."""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns
from shared.db.types import Document


class Calendar(Base, TimestampColumns):
    """A calendar; the name is the key.

    `hours` and `holidays` are documents of `shared.schemas.calendar`; they and the zone, the name
    of one in the IANA database, are what `shared.domain.working_time.schedule_of` takes.
    """

    __tablename__ = "calendars"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str]
    time_zone: Mapped[str]
    hours: Mapped[dict[str, Any]] = mapped_column(Document)
    holidays: Mapped[list[Any]] = mapped_column(Document)
