"""teams: who tickets are routed within. Written by intake."""

from typing import Any

from sqlalchemy import ForeignKey, Integer, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns
from shared.db.types import Document


class Team(Base, TimestampColumns):
    """A team and how its tickets are routed. The name is the key: never changed.

    `shadow_profile` decides beside the live one without effect; `trial_profile` decides for
    `trial_percent` of the tickets. `overflow` lists teams that may help, and from when on. The two
    graces say after how many seconds of absence tickets that were not begun go back; null: never.
    """

    __tablename__ = "teams"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str]
    profile: Mapped[str] = mapped_column(Text, ForeignKey("profiles.name"))
    shadow_profile: Mapped[str | None] = mapped_column(Text, ForeignKey("profiles.name"))
    trial_profile: Mapped[str | None] = mapped_column(Text, ForeignKey("profiles.name"))
    trial_percent: Mapped[int] = mapped_column(SmallInteger)
    overflow: Mapped[list[Any]] = mapped_column(Document)
    offline_grace_s: Mapped[int | None] = mapped_column(Integer)
    away_grace_s: Mapped[int | None] = mapped_column(Integer)
    #: Its business hours; none means always.
    calendar: Mapped[str | None] = mapped_column(Text, ForeignKey("calendars.name"))
    #: What its tickets are promised unless a rule says otherwise; none means the default policy.
    sla_policy: Mapped[str | None] = mapped_column(Text, ForeignKey("sla_policies.name"))
