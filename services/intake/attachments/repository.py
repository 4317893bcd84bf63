"""Intake's SQL for attachments and uploads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select, union_all, update

from services.intake.repository import Rows, one
from shared.db.engine import Database, Row, Transaction, rows
from shared.db.models import Attachment, Comment, Upload
from shared.db.models.base import table
from shared.domain.comment import Visibility
from shared.domain.errors import NotFound

ATTACHMENTS, UPLOADS, COMMENTS = table(Attachment), table(Upload), table(Comment)


def attachment(connection: Connection, attachment_id: str) -> Row:
    """Return an attachment; raises NotFound."""
    return one(connection, ATTACHMENTS, attachment_id, "attachment")


def attachments_of(
    connection: Connection, ticket_id: str, after: str, limit: int, *, public: bool = False
) -> Rows:
    """Return a ticket's attachments after an id, oldest first; `public` leaves out the rest."""
    query = (
        select(ATTACHMENTS)
        .where(ATTACHMENTS.c.ticket_id == ticket_id, ATTACHMENTS.c.id > after)
        .order_by(ATTACHMENTS.c.id)
        .limit(limit)
    )
    if public:
        said_aside = select(COMMENTS.c.id).where(
            COMMENTS.c.ticket_id == ticket_id, COMMENTS.c.visibility == Visibility.INTERNAL
        )
        inside = ATTACHMENTS.c.comment_id
        query = query.where(or_(inside.is_(None), inside.not_in(said_aside)))
    return rows(connection, query)


def add_upload(tx: Transaction, upload: Mapping[str, Any]) -> None:
    """Declare an upload."""
    tx.insert(UPLOADS, [upload])


def upload(connection: Connection, upload_id: str, now: datetime) -> Row:
    """Return an upload that is in time; raises NotFound."""
    found = one(connection, UPLOADS, upload_id, "upload")
    if found["expires_at"] <= now:
        message = f"The upload {upload_id!r} has expired; declare a new one."
        raise NotFound(message)
    return found


def fill_upload(tx: Transaction, upload_id: str, values: Mapping[str, Any], now: datetime) -> Row:
    """Note the content of an upload; raises NotFound if it was used or expired meanwhile."""
    statement = (
        update(UPLOADS)
        .where(UPLOADS.c.id == upload_id, UPLOADS.c.expires_at > now)
        .values(**values)
        .returning(*UPLOADS.c)
    )
    found = tx.execute(statement).first()
    if found is None:
        message = f"The upload {upload_id!r} was used or has expired meanwhile."
        raise NotFound(message)
    return dict(zip((column.name for column in UPLOADS.c), found, strict=True))


def forget_uploads(database: Database, before: datetime) -> int:
    """Delete uploads that expired before a moment; return how many."""
    with database.transaction() as tx:
        statement = delete(UPLOADS).where(UPLOADS.c.expires_at < before)
        return tx.execute(statement).rowcount  # type: ignore[attr-defined,no-any-return]


def owned_keys(database: Database, keys: Sequence[str]) -> set[str]:
    """Return those of the keys of the storage that a row refers to."""
    columns = (ATTACHMENTS.c.storage_key, UPLOADS.c.storage_key)
    query = union_all(*(select(column).where(column.in_(keys)) for column in columns))
    with database.reading() as connection:
        return set(connection.execute(query).scalars())
