"""Webhook subscriptions on the wire."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.custom_headers import MAX_HEADERS, MAX_VALUE_CHARS, refusal
from shared.domain.errors import BadExpression
from shared.domain.event_facts import event_filter
from shared.domain.event_pattern import PATTERNS
from shared.domain.expression import MAX_SOURCE
from shared.domain.subscription import AfterOutage, Ordering, PayloadStyle, SigningScheme
from shared.domain.webhook_signature import (
    MAX_KEY_BYTES,
    MIN_KEY_BYTES,
    SECRET_PREFIX,
    InvalidSecret,
    require_strong,
)
from shared.schemas.base import Flag, StrictSchema, Timestamp, Whole, distinct, line, page
from shared.schemas.endpoint_health import EndpointHealthSchema

#: Limits of what a subscriber may ask for: requests in a second, and at the same time.
MAX_RATE_PER_S, MAX_CONCURRENCY = 1000, 128
#: How long an old secret may sign beside the new one, in seconds: unless told, and at the most.
DEFAULT_OVERLAP_S, MAX_OVERLAP_S = 24 * 3600, 7 * 24 * 3600

_URL = {"pattern": r"^https?://\S+$"}
_TYPES = (
    "Names of event types, and patterns: `ticket.*`, `webhook.*`, and `*` for all that is told "
    "about tickets, which an empty list means too."
)
_FILTER = (
    "A condition in CEL over `event.type`, `event.version`, `event.sequence`, `event.timestamp`, "
    "`event.correlation_id` and `event.data`; events for which it does not hold, or has no answer, "
    "are not sent."
)
_HEADERS = "Custom headers, name to value. They are never shown again; `header_names` are."
#: As `shared.domain.custom_headers` has it.
_VALUE = {"pattern": "^[!-~]([ -~]*[!-~])?$", "minLength": 1, "maxLength": MAX_VALUE_CHARS}


def _event_types(**kwargs: Any) -> fields.List[str]:
    return fields.List(
        fields.String(validate=validate.OneOf(list(PATTERNS))),
        validate=[validate.Length(max=100), distinct()],
        metadata={"description": _TYPES},
        **kwargs,
    )


def _condition(source: str) -> None:
    try:
        event_filter(source)
    except BadExpression as error:
        raise ValidationError(error.detail) from error


def _sendable(headers: Mapping[str, str]) -> None:
    errors = {name: [why] for name, value in headers.items() if (why := refusal(name, value))}
    seen: dict[str, str] = {}
    for name in headers:
        if seen.setdefault(name.lower(), name) != name:
            errors[name] = ["The same header is given more than once."]
    if errors:
        raise ValidationError(errors)


def _filter(**kwargs: Any) -> fields.String:
    return fields.String(
        allow_none=True,
        validate=_condition,
        metadata={"description": _FILTER, "minLength": 1, "maxLength": MAX_SOURCE},
        **kwargs,
    )


def _headers(**kwargs: Any) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.String(metadata=_VALUE),
        validate=[validate.Length(max=MAX_HEADERS), _sendable],
        metadata={"description": _HEADERS, "maxProperties": MAX_HEADERS},
        **kwargs,
    )


def _at_most(maximum: int, what: str, **kwargs: Any) -> Whole:
    described = {"description": f"{what}; null leaves it to the installation."}
    limits = validate.Range(min=1, max=maximum)
    return Whole(allow_none=True, validate=limits, metadata=described, **kwargs)


def _rate(**kwargs: Any) -> Whole:
    return _at_most(MAX_RATE_PER_S, "The most requests in a second", **kwargs)


def _concurrency(**kwargs: Any) -> Whole:
    return _at_most(MAX_CONCURRENCY, "The most requests at the same time", **kwargs)


def _owner(**kwargs: Any) -> fields.Email:
    described = {"description": "Who is told by mail when this endpoint fails for long."}
    longest = validate.Length(max=254)
    return fields.Email(allow_none=True, validate=longest, metadata=described, **kwargs)


def _traced(**kwargs: Any) -> Flag:
    described = "Whether the `traceparent` of the request that something happened by is sent."
    return Flag(metadata={"description": described}, **kwargs)


def _strong(secret: str) -> None:
    try:
        require_strong(secret)
    except InvalidSecret as error:
        raise ValidationError(f"{str(error).capitalize()}.") from error


def _own_secret() -> fields.String:
    """Return the field of a secret that a subscriber brings."""
    what = (
        f"A shared secret of your own: `{SECRET_PREFIX}` and {MIN_KEY_BYTES} to {MAX_KEY_BYTES} "
        "random bytes in base64. Without it one is made."
    )
    shape = {"pattern": rf"^{SECRET_PREFIX}[A-Za-z0-9+/]{{32,86}}={{0,2}}$", "writeOnly": True}
    return fields.String(
        load_default=None,
        allow_none=True,
        validate=_strong,
        metadata={"description": what, **shape},
    )


def _require_shared(content: Mapping[str, Any]) -> None:
    """Refuse a secret of one's own for `v1a`, whose private key nobody else may have."""
    if content.get("secret") is not None and content.get("signing") is SigningScheme.V1A:
        message = "A secret of your own is shared, for v1; the keys of v1a are made here."
        raise ValidationError(message, "secret")


class CreateSubscriptionSchema(StrictSchema):
    """A new subscription."""

    url = line(
        2048, 1, required=True, metadata={**_URL, "example": "https://example.com/hooks/patchbay"}
    )
    event_types = _event_types(load_default=list)
    filter = _filter(load_default=None)
    description = line(1000, load_default="")
    payload_style = fields.Enum(PayloadStyle, by_value=True, load_default=PayloadStyle.FULL)
    headers = _headers(load_default=dict)
    signing = fields.Enum(SigningScheme, by_value=True, load_default=SigningScheme.V1)
    secret = _own_secret()
    rate_limit_per_s = _rate(load_default=None)
    concurrency = _concurrency(load_default=None)
    ordering = fields.Enum(Ordering, by_value=True, load_default=Ordering.TICKET)
    after_outage = fields.Enum(AfterOutage, by_value=True, load_default=AfterOutage.ALL)
    trace_context = _traced(load_default=True)
    owner_email = _owner(load_default=None)
    enabled = Flag(load_default=True)

    @validates_schema
    def _check(self, content: Mapping[str, Any], **_: Any) -> None:
        _require_shared(content)


class UpdateSubscriptionSchema(StrictSchema):
    """Changes to a subscription; what is left out stays. `headers` replaces all there are."""

    url = line(2048, 1, metadata=_URL)
    event_types = _event_types()
    filter = _filter()
    description = line(1000)
    payload_style = fields.Enum(PayloadStyle, by_value=True)
    headers = _headers()
    rate_limit_per_s = _rate()
    concurrency = _concurrency()
    ordering = fields.Enum(Ordering, by_value=True)
    after_outage = fields.Enum(AfterOutage, by_value=True)
    trace_context = _traced()
    owner_email = _owner()
    enabled = Flag()


class RotateSecretSchema(StrictSchema):
    """How a new secret takes over."""

    overlap_s = Whole(
        load_default=DEFAULT_OVERLAP_S,
        validate=validate.Range(min=0, max=MAX_OVERLAP_S),
        metadata={"description": "How long the old secrets sign beside the new one, in seconds."},
    )
    signing = fields.Enum(
        SigningScheme,
        by_value=True,
        load_default=None,
        metadata={"description": "The scheme of the new secret; that of the newest unless told."},
    )
    secret = _own_secret()

    @validates_schema
    def _check(self, content: Mapping[str, Any], **_: Any) -> None:
        _require_shared(content)


class SecretSchema(StrictSchema):
    """A secret that signs, without what it signs with."""

    id = fields.String(required=True)
    scheme = fields.Enum(SigningScheme, by_value=True, required=True)
    public_key = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`whpk_…`, what `v1a` is verified with."},
    )
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    expires_at = fields.String(
        required=True,
        allow_none=True,
        metadata={"format": "date-time", "description": "Null for the one that is not replaced."},
    )


class SubscriptionSchema(StrictSchema):
    """A subscription as it is, without its secrets and the values of its headers."""

    id = fields.String(required=True)
    url = fields.String(required=True)
    event_types = fields.List(fields.String(validate=validate.OneOf(list(PATTERNS))), required=True)
    filter = fields.String(required=True, allow_none=True)
    description = fields.String(required=True)
    payload_style = fields.Enum(PayloadStyle, by_value=True, required=True)
    header_names = fields.List(fields.String(), required=True)
    secrets = fields.List(
        fields.Nested(SecretSchema(unknown="exclude")),
        required=True,
        metadata={"description": "Those that sign now, the newest first."},
    )
    secrets_readable = Flag(
        required=True,
        metadata={
            "description": "False if secrets and headers are sealed by a key that the service does "
            "not have: nothing can be sent, and neither is shown."
        },
    )
    rate_limit_per_s = Whole(required=True, allow_none=True)
    concurrency = Whole(required=True, allow_none=True)
    ordering = fields.Enum(Ordering, by_value=True, required=True)
    after_outage = fields.Enum(AfterOutage, by_value=True, required=True)
    trace_context = _traced(required=True)
    owner_email = fields.String(required=True, allow_none=True)
    enabled = Flag(required=True)
    disabled_reason = fields.String(required=True, allow_none=True)
    disabled_at = Timestamp(required=True, allow_none=True)
    health = fields.Nested(EndpointHealthSchema(unknown="exclude"), required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class NewSubscriptionSchema(SubscriptionSchema):
    """A subscription with what its receiver verifies with, shown this once."""

    secret = fields.String(
        required=True,
        metadata={
            "description": "`whsec_…`, the shared secret of `v1`; or `whpk_…`, the public key of "
            "`v1a`, which is no secret."
        },
    )


SubscriptionPageSchema = page(SubscriptionSchema)
