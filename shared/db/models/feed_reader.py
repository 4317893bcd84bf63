"""feed_readers: how far those have read who follow the event feed from inside."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText


class FeedReader(Base):
    """A reader and its place, `shared.db.feed.Position`."""

    __tablename__ = "feed_readers"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger)
    ticket_id: Mapped[str] = mapped_column(IdText)
    sequence: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime]
