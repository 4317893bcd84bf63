"""Profiles compared, on the wire: shadow and live, trial and live."""

from marshmallow import fields

from shared.schemas.base import StrictSchema, Timestamp, slug


class ShadowQuerySchema(StrictSchema):
    """What to report on."""

    team = slug(load_default=None, metadata={"description": "Left out: every team."})
    since = Timestamp(
        load_default=None, metadata={"description": "RFC 3339; left out: seven days ago."}
    )


class ShadowMeansSchema(StrictSchema):
    """The means of one measure over the decisions in which both sides have it."""

    decisions = fields.Integer(required=True)
    live = fields.Float(required=True)
    shadow = fields.Float(required=True)
    difference = fields.Float(required=True, metadata={"description": "`shadow` minus `live`."})


class PartingSchema(StrictSchema):
    """Whom the two chose where they part; null: nobody, the ticket waits."""

    live_agent_id = fields.String(required=True, allow_none=True)
    live_agent = fields.String(required=True, allow_none=True)
    shadow_agent_id = fields.String(required=True, allow_none=True)
    shadow_agent = fields.String(required=True, allow_none=True)
    decisions = fields.Integer(required=True)


def _means(description: str) -> fields.Nested:
    return fields.Nested(
        ShadowMeansSchema,
        required=True,
        allow_none=True,
        metadata={"description": description},
    )


class ShadowComparisonSchema(StrictSchema):
    """A shadow profile beside the live one of a team."""

    team = fields.String(required=True)
    live_profile = fields.String(required=True)
    shadow_profile = fields.String(required=True)
    decisions = fields.Integer(required=True)
    agreed = fields.Integer(
        required=True, metadata={"description": "Decisions for the same agent, or nobody, in both."}
    )
    agreement = fields.Float(required=True, metadata={"description": "Their share, 0 to 1."})
    only_live_waits = fields.Integer(required=True)
    only_shadow_waits = fields.Integer(required=True)
    with_faults = fields.Integer(
        required=True, metadata={"description": "Decisions in which a shadow's plugin failed."}
    )
    load_share = _means("Used share of the chosen agent's capacity before the ticket.")
    score = _means("The live profile's total for the two agents.")
    urgency = _means(
        "Predicted share of the time until `expected_resolution_at` that is used up when the "
        "agent is done; above 1 is late."
    )
    balance = _means(
        "Jain's fairness index of the loads of the team's online agents after the batch; 1 is even."
    )
    parted = fields.List(
        fields.Nested(PartingSchema),
        required=True,
        metadata={"description": "The ten most frequent pairs."},
    )


class TimesSchema(StrictSchema):
    """Seconds; null where there is nothing to measure yet."""

    mean = fields.Float(required=True, allow_none=True)
    p50 = fields.Float(required=True, allow_none=True)
    p95 = fields.Float(required=True, allow_none=True)


class ArmSchema(StrictSchema):
    """What became of the tickets that a profile decided about first."""

    profile = fields.String(required=True)
    tickets = fields.Integer(required=True)
    assigned = fields.Integer(required=True)
    resolved = fields.Integer(required=True)
    wait_s = fields.Nested(
        TimesSchema, required=True, metadata={"description": "From creation to assignment."}
    )
    resolution_s = fields.Nested(
        TimesSchema, required=True, metadata={"description": "From creation to resolution."}
    )
    reopen_rate = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Of the tickets that were ever resolved."},
    )
    sla_attainment = fields.Float(
        required=True,
        allow_none=True,
        metadata={
            "description": "Resolved by `expected_resolution_at`, of those resolved or late."
        },
    )
    load_share = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Used share of the first agent's capacity before the ticket."},
    )


class DifferenceSchema(StrictSchema):
    """Trial minus live, with Welch's 95 % confidence interval."""

    measure = fields.String(
        required=True,
        metadata={
            "enum": ["wait_s", "resolution_s", "reopen_rate", "sla_attainment", "load_share"]
        },
    )
    difference = fields.Float(required=True)
    low = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Null with fewer than ten tickets on either side."},
    )
    high = fields.Float(required=True, allow_none=True)


class TrialSchema(StrictSchema):
    """The live and the trial profile of a team."""

    team = fields.String(required=True)
    trial_percent = fields.Integer(required=True)
    live = fields.Nested(ArmSchema, required=True)
    trial = fields.Nested(ArmSchema, required=True)
    differences = fields.List(fields.Nested(DifferenceSchema), required=True)


class ShadowReportSchema(StrictSchema):
    """Profiles compared."""

    since = Timestamp(required=True)
    until = Timestamp(required=True)
    team = fields.String(required=True, allow_none=True)
    shadows = fields.List(fields.Nested(ShadowComparisonSchema), required=True)
    trials = fields.List(fields.Nested(TrialSchema), required=True)
    complete = fields.Boolean(
        required=True,
        metadata={"description": "False: trials had more tickets than the 100,000 looked at."},
    )
