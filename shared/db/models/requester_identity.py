"""requester_identities: which address belongs to whom. Written by intake."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base
from shared.db.types import IdText, Word
from shared.domain.identity import IdentityKind


class RequesterIdentity(Base):
    """An address in normal form, see `shared.domain.identity`. The key forbids a second owner."""

    __tablename__ = "requester_identities"
    __table_args__ = (Index("ix_requester_identities_requester", "requester_id"),)

    kind: Mapped[IdentityKind] = mapped_column(Word(IdentityKind), primary_key=True)
    value: Mapped[str] = mapped_column(IdText, primary_key=True)
    requester_id: Mapped[str] = mapped_column(IdText)
