"""bulk_chunks: the lines of bulk jobs, some hundred a row. Written by intake alone."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, WorkColumns, id_column
from shared.db.types import IdText


class BulkChunk(Base, WorkColumns):
    """Lines of a job as they came, and then what became of them; a row of the list `bulk`.

    `body` is NDJSON, deflated, and null once it was handled; `results` is NDJSON, deflated. Both
    tickets and results are written in one transaction with the row, so a chunk is done once or not
    at all. `digest` is of the lines, by which a body that is sent again is known.
    """

    __tablename__ = "bulk_chunks"
    __table_args__ = (
        UniqueConstraint("job_id", "ordinal"),
        Index(
            "ix_bulk_chunks_ready",
            "ordinal",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
        Index(
            "ix_bulk_chunks_dead",
            "available_at",
            postgresql_where=text("work_state = 'dead'"),
            sqlite_where=text("work_state = 'dead'"),
        ),
    )

    id: Mapped[str] = id_column()
    job_id: Mapped[str] = mapped_column(IdText, ForeignKey("bulk_jobs.id", ondelete="CASCADE"))
    ordinal: Mapped[int] = mapped_column(Integer)
    first_line: Mapped[int] = mapped_column(Integer)
    lines: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    results: Mapped[bytes | None] = mapped_column(LargeBinary)
    created: Mapped[int] = mapped_column(Integer)
    known: Mapped[int] = mapped_column(Integer)
    refused: Mapped[int] = mapped_column(Integer)
    finished_at: Mapped[datetime | None]
