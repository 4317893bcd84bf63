"""Mail on the wire: preferences, addresses that are not written to, and what bounces changed."""

from typing import Any

from marshmallow import fields, validate

from shared.domain.delivery import AGENT_MAILS, OPTIONAL_MAILS, MailKind
from shared.domain.mail_preferences import DEFAULT_DIGEST_TIME, Digest
from shared.domain.suppression import SuppressionReason
from shared.schemas.base import StrictSchema, Timestamp, distinct, page
from shared.schemas.working_hours import time_zone

_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"


def _time(example: str, **kwargs: Any) -> fields.String:
    described = {"pattern": f"^{_CLOCK}$", "example": example, **kwargs.pop("metadata", {})}
    return fields.String(
        validate=validate.Regexp(rf"{_CLOCK}\Z", error=f"Write it as {example}."),
        metadata=described,
        **kwargs,
    )


class _QuietHoursSchema(StrictSchema):
    """A span of each day: over midnight if it ends before it begins, the whole day if it is both.

    Mails then come when it ends.
    """

    until = _time("07:00", required=True)


QuietHoursSchema = _QuietHoursSchema.from_dict(
    {"from": _time("22:00", required=True)}, name="QuietHoursSchema"
)


class _PreferencesSchema(StrictSchema):
    quiet_hours = fields.Nested(
        QuietHoursSchema,
        allow_none=True,
        load_default=None,
        metadata={"description": "Mails that can wait come after them; offers and SLA never wait."},
    )
    time_zone = time_zone(allow_none=True, load_default=None, metadata={"example": "Europe/Berlin"})


def _off(kinds: list[MailKind]) -> fields.List[Any]:
    return fields.List(
        fields.String(validate=validate.OneOf(sorted(kinds))),
        validate=distinct(),
        load_default=list,
        metadata={"description": "Kinds of mail that are not sent to them."},
    )


class RequesterMailPreferencesSchema(_PreferencesSchema):
    """What a requester wants of mails; those that carry a ticket on cannot be switched off."""

    off = _off(list(OPTIONAL_MAILS))


class AgentMailPreferencesSchema(_PreferencesSchema):
    """What an agent wants of mails."""

    off = _off(list(AGENT_MAILS))
    digest = fields.Enum(
        Digest,
        by_value=True,
        load_default=Digest.NONE,
        metadata={"description": "How often mails that can wait come together in one."},
    )
    digest_at = _time(
        DEFAULT_DIGEST_TIME,
        load_default=DEFAULT_DIGEST_TIME,
        metadata={"description": "When a daily digest comes."},
    )


class SuppressionSchema(StrictSchema):
    """An address that no mail is sent to."""

    address = fields.String(required=True, metadata={"example": "mira@example.com"})
    reason = fields.Enum(SuppressionReason, by_value=True, required=True)
    detail = fields.String(required=True, metadata={"description": "What the last report said."})
    since = Timestamp(required=True)
    until = Timestamp(required=True, allow_none=True, metadata={"description": "Null: for good."})


class BounceTakenSchema(StrictSchema):
    """What became of a bounce or complaint."""

    delivery_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Null: it is about no mail of ours."},
    )
    address = fields.String(required=True, allow_none=True)
    suppressed = fields.Boolean(
        required=True, metadata={"description": "Whether the address is written to no more."}
    )
    detail = fields.String(required=True)


SuppressionPageSchema = page(SuppressionSchema)
