"""The audit log on the wire."""

from marshmallow import fields

from shared.domain.audit import AuditAction
from shared.schemas.base import StrictSchema, Timestamp, line, page


class AuditEntrySchema(StrictSchema):
    """An administrative act."""

    id = fields.String(required=True)
    at = Timestamp(required=True)
    actor = fields.String(
        required=True,
        metadata={"description": "`key:` and the id of an API key, or `cli:USER@HOST`."},
    )
    action = fields.String(
        required=True,
        metadata={"description": "What was done, such as `subscription.updated`; more may come."},
    )
    target = fields.String(
        required=True, allow_none=True, metadata={"description": "Id or name of what it was about."}
    )
    request_id = fields.String(required=True, allow_none=True)
    address = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Where the request came from; null for the command line."},
    )
    details = fields.Dict(
        required=True,
        metadata={"description": "Names of `fields` that were set, counts, digests; no secrets."},
    )


AuditPageSchema = page(AuditEntrySchema)


class AuditFilterSchema(StrictSchema):
    """Which acts."""

    actor = line(200)
    action = fields.Enum(AuditAction, by_value=True)
    target = line(200)
    request_id = line(200)
    since = Timestamp(metadata={"description": "At this moment or later."})
    until = Timestamp(metadata={"description": "Before this moment."})
