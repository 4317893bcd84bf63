"""profiles: strategies by name. Written by intake."""

from typing import Any

from sqlalchemy import Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns
from shared.db.types import Document


class Profile(Base, TimestampColumns):
    """A profile; the version rises with each change, and decisions name it."""

    __tablename__ = "profiles"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]] = mapped_column(Document)
