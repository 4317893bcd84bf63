"""Strategy profiles on the wire: which plugins match a team's tickets, and how much each counts."""

from typing import Any

from marshmallow import fields, validate

from shared.domain.ticket import Channel, Priority
from shared.schemas.base import (
    Number,
    StrictSchema,
    Timestamp,
    Whole,
    distinct,
    line,
    page,
    plain_document,
    slug,
)

#: The profile of a team that says nothing, field by field.
DEFAULT_DOCUMENT: dict[str, Any] = {
    "title": "",
    "filters": [
        "team",
        "skills",
        "language",
        "excluded",
        "conflict",
        "presence",
        "shift",
        "capacity",
    ],
    "scorers": {"least_loaded": 1.0, "skill_fit": 0.5, "longest_idle": 0.25},
    "matcher": "greedy",
    "order": "earliest_deadline",
    "options": {},
    "offer_s": None,
    "shortlist": 100,
    "channel_weights": {},
    "priority_weights": {},
}

_WEIGHT = Whole(validate=validate.Range(min=1, max=10))


class ProfileSchema(StrictSchema):
    """How tickets are matched; what is left out is as in the default profile."""

    title = line(128)
    filters = fields.List(
        slug(),
        validate=[validate.Length(max=50), distinct()],
        metadata={"description": "Filters in the order in which they are asked."},
    )
    scorers = fields.Dict(
        keys=slug(),
        values=Number(validate=validate.Range(min=0, max=1000)),
        validate=validate.Length(max=50),
        metadata={"description": "How much each scorer counts; one that is not named counts 0."},
    )
    matcher = slug(metadata={"example": "greedy"})
    order = slug(metadata={"description": "What a free agent takes first."})
    options = fields.Dict(
        keys=slug(),
        values=fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True)),
        validate=plain_document,
        metadata={"description": "Options of plugins, by the plugin's name."},
    )
    offer_s = Whole(
        allow_none=True,
        validate=validate.Range(min=5, max=86_400),
        metadata={
            "description": "Seconds an agent has to accept an offer; null assigns without asking."
        },
    )
    shortlist = Whole(
        validate=validate.Range(min=1, max=1000),
        metadata={"description": "How many candidates are scored; those with most room first."},
    )
    channel_weights = fields.Dict(
        keys=fields.String(validate=validate.OneOf([channel.value for channel in Channel])),
        values=_WEIGHT,
        metadata={"description": "What a ticket of a channel adds to a load; 1 if not named."},
    )
    priority_weights = fields.Dict(
        keys=fields.String(validate=validate.OneOf([priority.value for priority in Priority])),
        values=_WEIGHT,
        metadata={"description": "By what a priority multiplies it; 1 if not named."},
    )


class StoredProfileSchema(ProfileSchema):
    """A profile as it is, with everything filled in."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


StoredProfilePageSchema = page(StoredProfileSchema)
