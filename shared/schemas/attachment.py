"""Attachments on the wire: files and links, and what a refusal of a link says."""

from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate

from shared.domain.attachment import AttachmentKind, ScanState
from shared.schemas.base import StrictSchema, Timestamp, line, no_nul, page

MAX_URL_CHARS = 2048


def web_address(text: str) -> None:
    """Refuse what is no address of the web; nobody here ever fetches it."""
    if not text.isascii() or any(c <= " " or c in '\\<>"`{}|^' or c == "\x7f" for c in text):
        message = "Not a URL: spaces and letters outside of ASCII are written as %20."
        raise ValidationError(message)
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise ValidationError(f"Not a URL: {error}.") from error
    if url.scheme not in ("http", "https") or not host or port == 0:
        message = "Give a whole URL that begins with https:// or http://."
        raise ValidationError(message)
    if "@" in url.netloc:
        # What stands before the @ looks like the host to people, and may be a password.
        message = "A name or password in a URL is not taken."
        raise ValidationError(message)


class CreateLinkSchema(StrictSchema):
    """A link to what is too large, or is kept elsewhere anyway."""

    kind = fields.String(
        required=True, validate=validate.Equal("link"), metadata={"example": "link"}
    )
    url = fields.String(
        required=True,
        validate=[validate.Length(max=MAX_URL_CHARS), no_nul, web_address],
        metadata={
            "example": "https://files.example.com/screen-recording.mp4",
            "pattern": r"^https?://\S+$",
        },
    )
    name = line(255, 1, allow_none=True, load_default=None)


class AttachmentSchema(StrictSchema):
    """A file or link on a ticket. Of a link only name and `url` are known."""

    id = fields.String(required=True, metadata={"example": "att_019a0c5e7d2f7c3a9b1e5f60718293a4"})
    ticket_id = fields.String(required=True)
    comment_id = fields.String(required=True, allow_none=True)
    kind = fields.Enum(AttachmentKind, by_value=True, required=True)
    name = fields.String(required=True)
    media_type = fields.String(
        required=True, allow_none=True, metadata={"description": "By content, not by name."}
    )
    size = fields.Integer(required=True, allow_none=True, metadata={"description": "In bytes."})
    sha256 = fields.String(required=True, allow_none=True)
    state = fields.Enum(
        ScanState,
        by_value=True,
        required=True,
        metadata={"description": "What the virus scan says; `pending` files are not served yet."},
    )
    url = fields.String(
        required=True,
        metadata={"description": "Where a link leads; for a file, the path of its content."},
    )
    created_at = Timestamp(required=True)
    created_by = fields.String(required=True)


class AttachmentsSchema(StrictSchema):
    """What one request attached."""

    items = fields.List(fields.Nested(AttachmentSchema), required=True)


AttachmentPageSchema = page(AttachmentSchema)
