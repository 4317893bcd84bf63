"""The form of a scenario file."""

from marshmallow import fields, validate

from services.router.simulation.desk import Sla
from services.router.simulation.durations import Duration
from services.router.simulation.laws import LawName
from shared.domain.ticket import Channel, Priority
from shared.schemas.base import StrictSchema, Timestamp, distinct, line, slug

#: Days as they are written, Monday first.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_RATE = validate.Range(min=0, min_inclusive=False, max=1e6, error="Must be above 0.")
_LEVEL = fields.Integer(strict=True, validate=validate.Range(min=1, max=5))

_TIME = validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", error="Write hours as 08:30.")


def _skills() -> fields.Dict:
    return fields.Dict(keys=slug(), values=_LEVEL, load_default=dict)


class ClassSchema(StrictSchema):
    """Tickets that are alike."""

    name = slug(required=True)
    rate = fields.Float(required=True, validate=_RATE)
    skills = _skills()
    team = slug(load_default=None)
    priority = fields.Enum(Priority, by_value=True, load_default=Priority.MEDIUM)
    channel = fields.Enum(Channel, by_value=True, load_default=Channel.API)
    target = Duration(load_default=None)


class ShiftSchema(StrictSchema):
    """Working hours in UTC, every week; over midnight if they end before they begin."""

    days = fields.List(
        fields.String(validate=validate.OneOf(DAYS)),
        load_default=lambda: list(DAYS),
        validate=[validate.Length(min=1), distinct()],
    )
    start = fields.String(required=True, validate=_TIME)
    end = fields.String(required=True, validate=_TIME)


class AgentSchema(StrictSchema):
    """Agents that are alike; `rate` in tickets per unit, of all classes or by class."""

    name = line(64, 1, required=True)
    count = fields.Integer(strict=True, load_default=1, validate=validate.Range(min=1, max=10_000))
    skills = _skills()
    teams = fields.List(slug(), load_default=list, validate=distinct())
    capacity = fields.Integer(strict=True, load_default=1, validate=validate.Range(min=1, max=100))
    rate = fields.Float(load_default=None, validate=_RATE)
    rates = fields.Dict(keys=slug(), values=fields.Float(validate=_RATE), load_default=dict)
    handover = fields.Dict(
        keys=slug(),
        values=fields.Float(validate=validate.Range(min=0, max=0.9)),
        load_default=dict,
    )
    shifts = fields.List(fields.Nested(ShiftSchema), load_default=None, allow_none=True)


class ScenarioSchema(StrictSchema):
    """A desk and its work."""

    title = line(128, load_default="")
    start = Timestamp(load_default=None)
    unit = fields.String(
        load_default="hour", validate=validate.OneOf(("second", "minute", "hour", "day"))
    )
    horizon = Duration(required=True)
    warm_up = Duration(load_default=0.0)
    sla = fields.Enum(Sla, by_value=True, load_default=Sla.START)
    law = fields.Enum(LawName, by_value=True, load_default=LawName.EXPONENTIAL)
    variation = fields.Float(load_default=1.0, validate=validate.Range(min=0, max=10))
    classes = fields.List(
        fields.Nested(ClassSchema),
        required=True,
        validate=[validate.Length(min=1, max=1000), distinct("name")],
    )
    agents = fields.List(
        fields.Nested(AgentSchema),
        required=True,
        validate=[validate.Length(min=1, max=1000), distinct("name")],
    )
