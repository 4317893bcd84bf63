"""signing_keys: what links and cursors are signed with. Written by `shared.db.signing_keys`."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from shared.db.models.base import Base, id_column


class SigningKey(Base):
    """A random secret. The newest signs; every one that is not retired yet verifies."""

    __tablename__ = "signing_keys"

    id: Mapped[str] = id_column()
    secret: Mapped[str]
    created_at: Mapped[datetime]
    retires_at: Mapped[datetime | None]
