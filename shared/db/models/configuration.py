"""configuration_versions: one number that every change of routing configuration raises.

Workers keep agents' skills, teams and rules in memory and read them again only when this number
moved; the number is read inside the batch's own transaction, so a batch never mixes two states.
"""

from typing import Any

from sqlalchemy import BigInteger, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import Document


class ConfigurationVersion(Base):
    """The single row has id 1. `priorities` is a document of `shared.schemas.priority`, or none."""

    __tablename__ = "configuration_versions"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    priorities: Mapped[dict[str, Any] | None] = mapped_column(Document)
