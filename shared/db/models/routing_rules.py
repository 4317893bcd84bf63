"""routing_rules: ordered rule sets; the newest version is in force. Written by intake."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import Document


class RoutingRules(Base):
    """One version of the whole set; old versions stay, because decisions name them.

    `rules` are documents of `shared.schemas.rules.RuleSchema`, `rule_count` is their number.
    """

    __tablename__ = "routing_rules"

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rules: Mapped[list[Any]] = mapped_column(Document)
    rule_count: Mapped[int] = mapped_column(Integer)
    time_zone: Mapped[str]
    created_at: Mapped[datetime]
