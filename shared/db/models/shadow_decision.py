"""shadow_decisions: what a shadow profile would have done. Written by the router."""

from datetime import datetime

from sqlalchemy import Float, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class ShadowDecision(Base):
    """One decision beside a live one, on the same inputs and without effect.

    - `…_agent_id`: who was chosen; null: the ticket waits. `agrees`: the same in both.
    - `…_load_share`: the used share of that agent's capacity just before the ticket, from 0 to 1.
    - `…_score`: the live profile's total for the two agents when it decided; null for an agent it
      did not score, because one of its filters stopped them or its short list ended before them.
    - `…_urgency`: predicted share of the time from creation to `expected_resolution_at` that is
      used up when that agent is done; above 1 is late. Null: the ticket waits.
    - `…_balance`: Jain's fairness index of the used shares of all online agents of the team, as
      they are after the whole batch; 1 is even, 1/n is all on one. Null: nobody is online.
    - `faults`: plugins that the shadow went on without.
    """

    __tablename__ = "shadow_decisions"
    __table_args__ = (Index(None, "team", "decided_at"),)

    decision_id: Mapped[str] = mapped_column(IdText, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(IdText)
    team: Mapped[str]
    live_profile: Mapped[str]
    shadow_profile: Mapped[str]
    live_agent_id: Mapped[str | None] = mapped_column(IdText)
    shadow_agent_id: Mapped[str | None] = mapped_column(IdText)
    agrees: Mapped[bool]
    live_load_share: Mapped[float | None] = mapped_column(Float)
    shadow_load_share: Mapped[float | None] = mapped_column(Float)
    live_score: Mapped[float | None] = mapped_column(Float)
    shadow_score: Mapped[float | None] = mapped_column(Float)
    live_urgency: Mapped[float | None] = mapped_column(Float)
    shadow_urgency: Mapped[float | None] = mapped_column(Float)
    live_balance: Mapped[float | None] = mapped_column(Float)
    shadow_balance: Mapped[float | None] = mapped_column(Float)
    faults: Mapped[int] = mapped_column(SmallInteger)
    decided_at: Mapped[datetime] = mapped_column(index=True)
