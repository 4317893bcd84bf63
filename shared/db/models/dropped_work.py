"""dropped_work: what operators took off work lists for good. `shared.db.dead_rows` writes it."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class DroppedWork(Base):
    """A row that was dead, named by its list and key; `reason` is the operator's own words."""

    __tablename__ = "dropped_work"

    list: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(IdText, primary_key=True)
    about: Mapped[str]
    reason: Mapped[str]
    dropped_at: Mapped[datetime]
