"""Files and links that come to tickets, and go.

An upload becomes an attachment by a move: its row is deleted and an attachment inserted in the same
transaction, so that it can be used once, whoever tries at the same time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from shared.db.engine import Row, Transaction
from shared.db.models import Attachment, Upload
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.domain.attachment import AttachmentKind, AttachmentRules, ScanState
from shared.domain.errors import Conflict, FieldError, InvalidInput, PatchbayError
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState
from shared.schemas.attachment import AttachmentSchema
from shared.schemas.base import plain_dump

ATTACHMENTS = table(Attachment)
_UPLOADS = table(Upload)

_dump = plain_dump(AttachmentSchema())


def attachment_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attachment in wire form, as `shared.schemas.attachment` defines it."""
    return _dump(with_url(row))


def with_url(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attachment with a `url` in any case: a file's is the path of its content."""
    return {**row, "url": row["url"] or f"/v1/attachments/{row['id']}/content"}


def new_attachment(
    ticket_id: str,
    content: Mapping[str, Any],
    rules: AttachmentRules,
    now: datetime,
    actor: str,
    comment_id: str | None = None,
) -> Row:
    """Return the row of a new attachment.

    `content` has the name, and either `url` or media_type, size, sha256 and storage_key.
    """
    is_link = content.get("url") is not None
    scan = rules.scan and not is_link
    return {
        "id": new_id(Prefix.ATTACHMENT),
        "ticket_id": ticket_id,
        "comment_id": comment_id,
        "kind": AttachmentKind.LINK if is_link else AttachmentKind.FILE,
        "name": content["name"],
        "media_type": content.get("media_type"),
        "size": content.get("size"),
        "sha256": content.get("sha256"),
        "storage_key": content.get("storage_key"),
        "url": content.get("url"),
        "state": ScanState.PENDING if scan else ScanState.SKIPPED,
        "finding": None,
        "created_at": now,
        "created_by": actor,
        "lease_token": None,
        "work_state": WorkState.READY if scan else WorkState.DONE,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }


def attach(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    contents: Sequence[Mapping[str, Any]],
    rules: AttachmentRules,
    now: datetime,
    actor: str,
    correlation_id: str,
) -> list[dict[str, Any]]:
    """Attach contents to a locked ticket and tell it; return the attachments' documents.

    Raises TooLarge if the ticket would hold more than the rules allow, Conflict if it was merged.
    """
    if ticket["status"] is TicketStatus.MERGED:
        message = "The ticket was merged into another; attach it there."
        raise Conflict(message, merged_into=ticket["merged_into_id"])
    size = sum(content.get("size") or 0 for content in contents)
    rules.require_room(present(tx, ticket["id"]), len(contents), size)
    rows = [new_attachment(ticket["id"], content, rules, now, actor) for content in contents]
    tx.insert(ATTACHMENTS, rows)
    documents = [attachment_document(row) for row in rows]
    change = Change(
        ticket,
        {},
        EventType.TICKET_ATTACHED,
        actor,
        assignee,
        {"attachments": documents},
        correlation_id,
    )
    apply(tx, [change], now)
    return documents


def detach(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    attachment_id: str,
    now: datetime,
    actor: str,
    correlation_id: str,
) -> None:
    """Delete an attachment's row and tell that the ticket changed; its content is the caller's."""
    tx.delete(ATTACHMENTS, [attachment_id])
    data = {"changed": ["attachments"]}
    event = EventType.TICKET_UPDATED
    apply(tx, [Change(ticket, {}, event, actor, assignee, data, correlation_id)], now)


def present(tx: Transaction, ticket_id: str) -> Row:
    """Return `count` and `size` (bytes) of what a locked ticket holds."""
    query = select(
        func.count().label("count"), func.coalesce(func.sum(ATTACHMENTS.c.size), 0).label("size")
    ).where(ATTACHMENTS.c.ticket_id == ticket_id)
    return tx.rows(query)[0]


def bind_uploads(
    tx: Transaction,
    ticket_id: str,
    upload_ids: Sequence[str],
    rules: AttachmentRules,
    now: datetime,
    actor: str,
    comment_id: str | None = None,
) -> list[dict[str, Any]]:
    """Turn uploads into attachments of a locked ticket, or of a comment on it.

    Tells nothing: whoever calls puts the returned documents into an event of its own. Raises
    InvalidInput with pointers into `/attachments`, or TooLarge.
    """
    if not upload_ids:
        return []
    found = take_uploads(tx, upload_ids, now)
    contents = choose_uploads(found, upload_ids, actor)
    if isinstance(contents, PatchbayError):
        raise contents
    size = sum(content["size"] for content in contents)
    rules.require_room(present(tx, ticket_id), len(contents), size)
    rows = [
        new_attachment(ticket_id, content, rules, now, actor, comment_id) for content in contents
    ]
    tx.insert(ATTACHMENTS, rows)
    return [attachment_document(row) for row in rows]


def take_uploads(tx: Transaction, upload_ids: Sequence[str], now: datetime) -> dict[str, Row]:
    """Delete the uploads that have content and are in time; return them by id.

    One statement. Rows are locked in the order of their ids, so that two who want the same ones
    cannot wait for each other in a circle.
    """
    locked = (
        select(_UPLOADS.c.id)
        .where(
            _UPLOADS.c.id.in_(upload_ids),
            _UPLOADS.c.storage_key.is_not(None),
            _UPLOADS.c.expires_at > now,
        )
        .order_by(_UPLOADS.c.id)
        .with_for_update()
        .cte("locked")
    )
    statement = (
        delete(_UPLOADS)
        .where(_UPLOADS.c.id.in_(select(locked.c.id)))
        .returning(*_UPLOADS.c)
        .execution_options(synchronize_session=False)
    )
    names = [column.name for column in _UPLOADS.c]
    rows = [dict(zip(names, row, strict=True)) for row in tx.execute(statement)]
    return {row["id"]: row for row in rows}


def put_back_uploads(tx: Transaction, uploads: Sequence[Row]) -> None:
    """Undo `take_uploads` for those that nobody may have after all."""
    tx.insert(_UPLOADS, uploads)


def choose_uploads(
    found: Mapping[str, Row], upload_ids: Sequence[str], actor: str
) -> list[Row] | InvalidInput:
    """Return the uploads that a request names, or the error if it may not have one of them."""
    errors = [
        FieldError(
            f"/attachments/{index}",
            f"There is no upload {upload_id!r} of yours with content; it may be used or expired.",
        )
        for index, upload_id in enumerate(upload_ids)
        if upload_id not in found or found[upload_id]["created_by"] != actor
    ]
    if errors:
        return InvalidInput("The ticket names uploads that it cannot have.", errors)
    return [found[upload_id] for upload_id in upload_ids]
