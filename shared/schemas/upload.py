"""Uploads that are declared first, sent next, and named by the ticket or comment at last."""

from typing import Any

from marshmallow import fields, validate

from shared.domain.ids import Prefix
from shared.schemas.base import StrictSchema, Timestamp, Whole, distinct, line

#: Uploads that one ticket or comment may name, whatever the settings say.
MAX_UPLOADS = 100
_LARGEST = 2**53 - 1


def upload_ids(**kwargs: Any) -> fields.List[str]:
    """Return a field for the uploads that become attachments."""
    return fields.List(
        fields.String(
            validate=validate.Regexp(
                rf"^{Prefix.UPLOAD}_[0-9a-f]{{32}}\Z", error="Not the id of an upload."
            )
        ),
        validate=[validate.Length(max=MAX_UPLOADS), distinct()],
        load_default=list,
        metadata={"description": "Ids of uploads whose content was sent; see POST /v1/uploads."},
        **kwargs,
    )


class CreateUploadSchema(StrictSchema):
    """What will be sent; a content that differs is refused."""

    name = line(1024, 1, required=True, metadata={"example": "screenshot.png"})
    size = Whole(
        required=True,
        validate=validate.Range(min=1, max=_LARGEST),
        metadata={"example": 48213, "description": "In bytes."},
    )
    media_type = line(
        255,
        1,
        allow_none=True,
        load_default=None,
        metadata={"example": "image/png", "description": "A hint; the content decides."},
    )
    sha256 = fields.String(
        allow_none=True,
        load_default=None,
        validate=validate.Regexp(r"^[0-9a-f]{64}\Z", error="Write 64 hexadecimal digits."),
    )


class UploadSchema(StrictSchema):
    """An upload; `sha256` and the type are known when its content has come."""

    id = fields.String(required=True, metadata={"example": "upl_019a0c5e7d2f7c3a9b1e5f60718293a4"})
    name = fields.String(required=True)
    size = fields.Integer(required=True)
    media_type = fields.String(required=True, allow_none=True)
    sha256 = fields.String(required=True, allow_none=True)
    received = fields.Boolean(
        required=True, metadata={"description": "Whether the content has come."}
    )
    created_at = Timestamp(required=True)
    expires_at = Timestamp(required=True)


class NewUploadSchema(UploadSchema):
    """A fresh upload and the path, with its token, that the content is to be PUT to."""

    url = fields.String(required=True)
