"""decisions: why a ticket went where it went, or why it waits. Written by the router."""

from datetime import datetime

from sqlalchemy import Float
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.types import IdText, LongText


class Decision(Base):
    """One routing decision. `explanation` is JSON text of `shared.schemas.decisions`.

    `profile` is the one that decided; `load_share` the share of the winner's capacity that was used
    before this ticket, null where nobody was chosen or somebody chose by hand.
    """

    __tablename__ = "decisions"

    id: Mapped[str] = id_column()
    ticket_id: Mapped[str] = mapped_column(IdText, index=True)
    decided_at: Mapped[datetime]
    outcome: Mapped[str]
    agent_id: Mapped[str | None] = mapped_column(IdText)
    profile: Mapped[str | None]
    load_share: Mapped[float | None] = mapped_column(Float)
    explanation: Mapped[str] = mapped_column(LongText)
