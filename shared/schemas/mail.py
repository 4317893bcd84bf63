"""Mail on the wire: preferences, addresses that are not written to, and what bounces changed."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.delivery import AGENT_MAILS, OPTIONAL_MAILS, MailKind
from shared.domain.mail_preferences import DEFAULT_DIGEST_TIME, Digest
from shared.domain.suppression import SuppressionReason
from shared.schemas.base import StrictSchema, Timestamp, distinct, page
from shared.schemas.working_hours import time_zone

_TIME = {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "example": "22:00"}


def _time(**kwargs: Any) -> fields.String:
    return fields.String(
        validate=validate.Regexp(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", error="Write it as 22:00."),
        metadata=_TIME,
        **kwargs,
    )


class _QuietHoursSchema(StrictSchema):
    """A span of each day; one that ends before it begins goes over midnight."""

    until = _time(required=True)

    @validates_schema
    def _is_a_span(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("from") == data.get("until"):
            message = "Must differ from `from`; to have no quiet hours, send null."
            raise ValidationError(message, "until")


QuietHoursSchema = _QuietHoursSchema.from_dict({"from": _time(required=True)}, name="QuietHours")


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
    digest_at = fields.String(
        validate=validate.Regexp(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", error="Write it as 08:00."),
        load_default=DEFAULT_DIGEST_TIME,
        metadata={**_TIME, "example": "08:00", "description": "When a daily digest comes."},
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
