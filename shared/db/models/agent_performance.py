"""agent_performance: what agents' finished tickets say, by category. Written by the router."""

from datetime import datetime

from sqlalchemy import Float, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class AgentPerformance(Base):
    """Figures of an agent's resolved tickets of a category; the empty category is all of them.

    `satisfaction` is the mean of the `rated` ones, from 0 (score 1) to 1 (score 5).
    """

    __tablename__ = "agent_performance"

    agent_id: Mapped[str] = mapped_column(IdText, primary_key=True)
    category: Mapped[str] = mapped_column(Text, primary_key=True)
    tickets: Mapped[int] = mapped_column(Integer)
    handling_s: Mapped[float] = mapped_column(Float)
    reopened: Mapped[int] = mapped_column(Integer)
    rated: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    satisfaction: Mapped[float] = mapped_column(Float, server_default=text("0"))
    counted_at: Mapped[datetime]
