"""The declarative base, the naming of constraints, and the columns that several tables share."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, MetaData, SmallInteger, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db.types import Document, IdText, UTCDateTime, Word
from shared.domain.work import WorkState


class Base(DeclarativeBase):
    """All tables hang here. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        int: BigInteger(),
        datetime: UTCDateTime(),
        dict[str, Any]: Document,
        list[Any]: Document,
    }


class TimestampColumns:
    """When a row was made and last changed."""

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class WorkColumns:
    """What makes a table a work list; see `shared.db.work_list`.

    A row is ready when `work_state` is `ready` and `available_at` has come. A lease is an
    `available_at` in the future: work that is not finished by then is simply ready again.
    """

    work_state: Mapped[WorkState] = mapped_column(Word(WorkState))
    available_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    last_error: Mapped[str | None] = mapped_column(Text)


def id_column() -> Mapped[str]:
    """Return the primary key of a thing that has an id."""
    return mapped_column(IdText, primary_key=True)


def table(model: type[Base]) -> Table:
    """Return a model's table, typed as one."""
    found = model.__table__
    assert isinstance(found, Table)  # noqa: S101 -- declarative models are never anything else
    return found
