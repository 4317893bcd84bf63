"""requesters: who asks for help. Written by intake, through `shared.db.requesters`."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, TimestampColumns, id_column
from shared.db.types import Document, IdText


class Requester(Base, TimestampColumns):
    """A person. Addresses are shown as they were given; `requester_identities` has what is unique.

    One that was merged stays, and `merged_into` names the one that is left at the end, never
    another merged one. One that was erased stays too, without anything that says who it was.
    """

    __tablename__ = "requesters"
    __table_args__ = (
        Index(
            "ix_requesters_merged",
            "merged_into",
            postgresql_where=text("merged_into IS NOT NULL"),
            sqlite_where=text("merged_into IS NOT NULL"),
        ),
    )

    id: Mapped[str] = id_column()
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    phone_e164: Mapped[str | None]
    external_id: Mapped[str | None]
    contacts: Mapped[list[Any]] = mapped_column(Document)
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]
    custom_fields: Mapped[dict[str, Any]] = mapped_column(Document)
    merged_into: Mapped[str | None] = mapped_column(IdText)
    erased_at: Mapped[datetime | None]
