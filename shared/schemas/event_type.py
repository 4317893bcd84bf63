"""The catalogue of event types on the wire."""

from marshmallow import fields, validate

from shared.schemas.base import StrictSchema

OPEN = {"type": "object", "additionalProperties": True}


class EventTypeSchema(StrictSchema):
    """What is told by events of one type."""

    type = fields.String(required=True)
    version = fields.Integer(
        required=True,
        validate=validate.Range(min=1),
        metadata={"description": "Rises with changes of `data` that break receivers."},
    )
    summary = fields.String(required=True)
    schema = fields.Raw(
        required=True,
        metadata={**OPEN, "description": "JSON Schema 2020-12 of the whole event, style `full`."},
    )
    example = fields.Raw(required=True, metadata={**OPEN, "description": "Such an event."})


EventTypesSchema = StrictSchema.from_dict(
    {"items": fields.List(fields.Nested(EventTypeSchema), required=True)}, name="EventTypesSchema"
)
