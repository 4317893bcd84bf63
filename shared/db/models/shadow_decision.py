"""shadow_decisions: what a shadow profile would have done. Written by the router."""

from datetime import datetime

from sqlalchemy import Float, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class ShadowDecision(Base):
    """One decision beside a live one, on the same inputs and without effect.

    The `load`s are the winners' shares of used capacity before the ticket; `score`s are what the
    live profile makes of the two agents.
    """

    __tablename__ = "shadow_decisions"

    decision_id: Mapped[str] = mapped_column(IdText, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(IdText)
    team: Mapped[str | None] = mapped_column(Text, index=True)
    live_profile: Mapped[str]
    shadow_profile: Mapped[str]
    live_agent_id: Mapped[str | None] = mapped_column(IdText)
    shadow_agent_id: Mapped[str | None] = mapped_column(IdText)
    live_load: Mapped[float | None] = mapped_column(Float)
    shadow_load: Mapped[float | None] = mapped_column(Float)
    live_score: Mapped[float | None] = mapped_column(Float)
    shadow_score: Mapped[float | None] = mapped_column(Float)
    decided_at: Mapped[datetime] = mapped_column(index=True)
