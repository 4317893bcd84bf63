"""attachments: files and links on tickets. Written by `shared.db.ticket_changes`.

A work list of the virus scan besides: a file that is to be scanned is ready. Written there by
intake.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, WorkColumns, id_column
from shared.db.types import IdText, Word
from shared.domain.attachment import AttachmentKind, ScanState


class Attachment(Base, WorkColumns):
    """A file that the storage keeps under `storage_key`, or a link. `finding` names the virus."""

    __tablename__ = "attachments"
    __table_args__ = (
        Index(
            "ix_attachments_ready",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
        Index(
            "ix_attachments_dead",
            "available_at",
            postgresql_where=text("work_state = 'dead'"),
            sqlite_where=text("work_state = 'dead'"),
        ),
        Index("ix_attachments_ticket", "ticket_id", "id"),
        Index(
            "ix_attachments_comment",
            "comment_id",
            postgresql_where=text("comment_id IS NOT NULL"),
            sqlite_where=text("comment_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = id_column()
    ticket_id: Mapped[str] = mapped_column(IdText)
    comment_id: Mapped[str | None] = mapped_column(IdText)
    kind: Mapped[AttachmentKind] = mapped_column(Word(AttachmentKind))
    name: Mapped[str]
    media_type: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    storage_key: Mapped[str | None] = mapped_column(IdText, index=True)
    url: Mapped[str | None]
    state: Mapped[ScanState] = mapped_column(Word(ScanState))
    finding: Mapped[str | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    lease_token: Mapped[str | None]
