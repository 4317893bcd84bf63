"""Errors on the wire: RFC 9457 problem details."""

from marshmallow import INCLUDE, fields

from shared.schemas.base import StrictSchema


class FieldErrorSchema(StrictSchema):
    """One broken rule and where."""

    pointer = fields.String(required=True, metadata={"description": "JSON Pointer (RFC 6901)."})
    detail = fields.String(required=True)


class ProblemSchema(StrictSchema):
    """What went wrong. `code` is stable; `request_id` is in the logs too.

    Some codes bring further members (RFC 9457 §3.2), such as `version` or `allowed`.
    """

    class Meta:
        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldErrorSchema))
