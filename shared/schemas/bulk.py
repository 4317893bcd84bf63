"""Many tickets at once, on the wire: a line of a bulk body, a line of its results, a job."""

from marshmallow import fields, validate

from shared.domain.bulk import BulkMode, JobState
from shared.domain.ticket import Lane
from shared.schemas.base import StrictSchema, Timestamp, line, page
from shared.schemas.problem import FieldErrorSchema
from shared.schemas.ticket import CreateTicketSchema

MAX_KEY_CHARS = 255


def line_key() -> fields.String:
    """Return the field that names a line."""
    return line(
        MAX_KEY_CHARS,
        1,
        allow_none=True,
        load_default=None,
        metadata={"description": "Names this line: sent again, it makes no second ticket."},
    )


class BulkTicketSchema(CreateTicketSchema):
    """A line of a bulk body: a new ticket, and the key by which it is made only once."""

    idempotency_key = line_key()


class BulkQuerySchema(StrictSchema):
    """How a bulk body is to be handled."""

    mode = fields.Enum(BulkMode, by_value=True, load_default=BulkMode.CREATE)
    lane = fields.Enum(
        Lane,
        by_value=True,
        load_default=Lane.BULK,
        metadata={"description": "The lane of lines that name none."},
    )
    dry_run = fields.Boolean(
        load_default=False,
        truthy={"true", "1"},
        falsy={"false", "0"},
        metadata={"description": "Check every line and change nothing."},
    )
    from_line = fields.Integer(
        load_default=1,
        validate=validate.Range(min=1, max=2**31 - 1),
        metadata={"description": "The number of the body's first line; to resume, more than 1."},
    )


class LineProblemSchema(StrictSchema):
    """Why a line was refused."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldErrorSchema))


class LineResultSchema(StrictSchema):
    """What became of a line: 201 made, 200 made before, 4xx refused, 5xx to be sent again."""

    line = fields.Integer(required=True, metadata={"example": 1})
    status = fields.Integer(required=True, metadata={"example": 201})
    id = fields.String(metadata={"example": "tkt_019a0c5e7d2f7c3a9b1e5f60718293a4"})
    number = fields.Integer(metadata={"example": 1042})
    problem = fields.Nested(LineProblemSchema)


class JobSchema(StrictSchema):
    """A bulk body that is handled by and by."""

    id = fields.String(required=True, metadata={"example": "job_019a0c5e7d2f7c3a9b1e5f60718293a4"})
    state = fields.Enum(JobState, by_value=True, required=True)
    mode = fields.Enum(BulkMode, by_value=True, required=True)
    lane = fields.Enum(Lane, by_value=True, required=True)
    dry_run = fields.Boolean(required=True)
    lines_received = fields.Integer(required=True)
    lines_done = fields.Integer(required=True)
    created = fields.Integer(
        required=True, metadata={"description": "Made; in a dry run, would have been."}
    )
    known = fields.Integer(required=True, metadata={"description": "Made before, by their keys."})
    refused = fields.Integer(required=True)
    failed = fields.Integer(
        required=True, metadata={"description": "Given up on; the log of the service says why."}
    )
    results = fields.String(required=True, metadata={"description": "Where the results are."})
    created_at = Timestamp(required=True)
    received_at = Timestamp(required=True, allow_none=True)
    cancelled_at = Timestamp(required=True, allow_none=True)
    finished_at = Timestamp(required=True, allow_none=True)
    expires_at = Timestamp(required=True)


JobPageSchema = page(JobSchema)
