"""Comments on the wire."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.comment import AuthorKind, Visibility
from shared.schemas.attachment import AttachmentSchema
from shared.schemas.base import StrictSchema, Timestamp, Whole, line, no_nul, page
from shared.schemas.upload import upload_ids

#: A week of work, in seconds.
MAX_TIME_SPENT_S = 7 * 86_400


class AuthorSchema(StrictSchema):
    """Who says it. An agent is named by id; the requester is the ticket's."""

    kind = fields.Enum(AuthorKind, by_value=True, required=True)
    id = fields.String(allow_none=True, load_default=None, validate=no_nul)
    name = line(255, 1, allow_none=True, load_default=None)

    @validates_schema
    def _agents_have_an_id(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("kind") is AuthorKind.AGENT and not data.get("id"):
            message = "Say which agent."
            raise ValidationError(message, "id")


class CreateCommentSchema(StrictSchema):
    """Something to be said about a ticket."""

    body = line(100_000, 1, required=True, metadata={"example": "Which client version is it?"})
    visibility = fields.Enum(
        Visibility,
        by_value=True,
        load_default=Visibility.PUBLIC,
        metadata={"description": "The requester sees `public` ones only."},
    )
    author = fields.Nested(
        AuthorSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "Left out, it is the program that calls, for the desk."},
    )
    time_spent_s = Whole(
        load_default=0,
        validate=validate.Range(min=0, max=MAX_TIME_SPENT_S),
        metadata={"description": "How long the work took that this tells of, in seconds."},
    )

    attachments = upload_ids()

    @validates_schema
    def _requesters_speak_in_public(self, data: dict[str, Any], **_: Any) -> None:
        author = data.get("author") or {}
        internal = data.get("visibility") is Visibility.INTERNAL
        if internal and author.get("kind") is AuthorKind.REQUESTER:
            message = "What a requester says is public."
            raise ValidationError(message, "visibility")


class CommentSchema(StrictSchema):
    """A comment as it is."""

    id = fields.String(required=True, metadata={"example": "cmt_019a0c5e7d2f7c3a9b1e5f60718293a4"})
    ticket_id = fields.String(required=True)
    author = fields.Nested(AuthorSchema, required=True)
    visibility = fields.Enum(Visibility, by_value=True, required=True)
    body = fields.String(required=True)
    time_spent_s = fields.Integer(required=True)
    merged_from_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The ticket under which it was said, if that was merged here."},
    )
    attachments = fields.List(fields.Nested(AttachmentSchema), required=True)
    created_at = Timestamp(required=True)


CommentPageSchema = page(CommentSchema)
