"""skills: what an agent can be good at and a ticket can need. Written by intake."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns


class Skill(Base, TimestampColumns):
    """A skill; the name is the key."""

    __tablename__ = "skills"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    description: Mapped[str]
