"""signing_keys: what links and cursors are signed with. Written by `shared.db.signing_keys`."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column
from shared.db.sealed_types import SealedText


class SigningKey(Base):
    """A random secret. The newest signs; every one that is not retired yet verifies."""

    __tablename__ = "signing_keys"

    id: Mapped[str] = id_column()
    secret: Mapped[str] = mapped_column(SealedText("signing_keys.secret"))
    created_at: Mapped[datetime]
    retires_at: Mapped[datetime | None]
