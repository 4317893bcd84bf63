"""configuration_versions: one number that every change of routing configuration raises.

Workers keep agents' skills, teams and rules in memory and read them again only when this number
moved; the number is read inside the batch's own transaction, so a batch never mixes two states.
"""

from sqlalchemy import BigInteger, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base


class ConfigurationVersion(Base):
    """The single row has id 1."""

    __tablename__ = "configuration_versions"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
