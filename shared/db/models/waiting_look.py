"""waiting_looks: orders to route all waiting tickets anew, and how far each has come.

Written by intake, in the transaction that changes rules or profiles; a work list of the router.
"""

from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, WorkColumns, id_column
from shared.db.types import Document


class WaitingLook(Base, WorkColumns):
    """A pass over the waiting tickets, by signature, rank and deadline; deleted at its end.

    It begins once every transaction below `barrier` is over, for one of those may have parked a
    ticket by what was in force before. `after` is the place of the last ticket it has woken.
    """

    __tablename__ = "waiting_looks"
    __table_args__ = (
        Index(
            "ix_waiting_looks_ready",
            "available_at",
            postgresql_where=text("work_state = 'ready'"),
            sqlite_where=text("work_state = 'ready'"),
        ),
    )

    id: Mapped[str] = id_column()
    barrier: Mapped[int | None] = mapped_column(BigInteger)
    after: Mapped[dict[str, Any] | None] = mapped_column(Document)
