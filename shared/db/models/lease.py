"""leases: who may do what only one process should do. Written by `shared.db.leases`."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base


class Lease(Base):
    """A named right with a holder and an end."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    holder: Mapped[str]
    expires_at: Mapped[datetime]
