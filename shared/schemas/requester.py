"""Requesters on the wire: as a ticket names one, and as they are kept."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.domain.identity import IdentityKind, identity_of
from shared.domain.language_tag import is_language_tag
from shared.schemas.base import (
    StrictSchema,
    Timestamp,
    line,
    no_nul,
    page,
    plain_document,
)
from shared.schemas.working_hours import time_zone

MAX_CONTACTS = 20
MAX_CUSTOM_FIELDS = 100
#: Addresses of one requester, so that nobody's profile grows with every ticket.
MAX_IDENTITIES = 20

_ADDRESS = validate.And(validate.Length(max=254), validate.Email())

ID_PATTERN = r"^rqr_[0-9a-f]{32}\Z"


def requester_id(**kwargs: Any) -> fields.String:
    """Return a field for the id of a requester."""
    return fields.String(
        validate=validate.Regexp(ID_PATTERN, error="Not the id of a requester, rqr_…"),
        **kwargs,
    )


def _known_language(value: str) -> None:
    if not is_language_tag(value):
        message = f"{value!r} is no language tag; write one such as en or pt-BR (BCP 47)."
        raise ValidationError(message)


def _locale(**kwargs: Any) -> fields.String:
    return fields.String(
        validate=[validate.Length(max=35), _known_language], metadata={"example": "en"}, **kwargs
    )


def _email(**kwargs: Any) -> fields.Email:
    return fields.Email(
        validate=validate.Length(max=254), metadata={"example": "mira@example.com"}, **kwargs
    )


def _phone(**kwargs: Any) -> fields.String:
    return line(32, 3, metadata={"example": "+44 20 7946 0000"}, **kwargs)


class ContactSchema(StrictSchema):
    """Another way to reach the requester, such as a messenger account."""

    type = line(32, 1, required=True, metadata={"example": "telegram"})
    value = line(255, 1, required=True, metadata={"example": "@mira"})


def _contacts(**kwargs: Any) -> fields.List[Any]:
    return fields.List(
        fields.Nested(ContactSchema), validate=validate.Length(max=MAX_CONTACTS), **kwargs
    )


class _PersonSchema(StrictSchema):
    """What may be said of a person."""

    name = line(255, 1, allow_none=True, metadata={"example": "Mira Petrova"})
    email = _email(allow_none=True)
    phone = _phone(allow_none=True)
    external_id = line(
        255,
        1,
        allow_none=True,
        metadata={"description": "Who this is in your own system.", "example": "crm-4711"},
    )
    contacts = _contacts()
    locale = _locale(allow_none=True)
    time_zone = time_zone(allow_none=True)


class RequesterSchema(_PersonSchema):
    """Who asks for help: at least one of name, email, phone and external_id, or the id alone.

    Whoever is known by external_id, email or phone, in this order, is found; everybody else is
    made. A phone number that cannot be parsed is kept as it is and finds nobody.
    """

    organization = line(
        255,
        1,
        allow_none=True,
        metadata={
            "description": "For whom they ask, as said.",
            "example": "Example Ltd",
        },
    )
    about = line(
        2_000,
        allow_none=True,
        metadata={"description": "What else is known of the user, in words; kept on the ticket."},
    )
    id = requester_id(metadata={"description": "A requester who is known; nothing else beside it."})

    @validates_schema
    def _somebody(self, data: dict[str, Any], **_: Any) -> None:
        if "id" in data:
            if len(data) > 1:
                message = "Give the id alone, or the person without the id."
                raise ValidationError(message)
        elif not any(data.get(name) for name in ("name", "email", "phone", "external_id")):
            message = "Give the id, or at least one of name, email, phone and external_id."
            raise ValidationError(message)


class IdentitySchema(StrictSchema):
    """An address that finds the requester, as it is compared."""

    kind = fields.Enum(IdentityKind, by_value=True, required=True)
    value = line(255, 1, required=True, metadata={"example": "mira@example.com"})

    @validates_schema
    def _usable(self, data: dict[str, Any], **_: Any) -> None:
        kind, value = data.get("kind"), data.get("value")
        if kind is None or value is None:
            return
        try:
            if kind is IdentityKind.EMAIL:
                _ADDRESS(value)
        except ValidationError as error:
            raise ValidationError(error.messages, "value") from error
        if identity_of(kind, value) is None:
            message = "Write the number with its country, such as +44 20 7946 0000."
            raise ValidationError(message, "value")


def _identities() -> fields.List[Any]:
    return fields.List(
        fields.Nested(IdentitySchema),
        validate=validate.Length(max=MAX_IDENTITIES),
        metadata={
            "description": "Further addresses that find this requester; replaced whole. Those of "
            "email, phone and external_id need not be in it."
        },
    )


def _custom_fields() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=[validate.Length(min=1, max=64), no_nul]),
        validate=[validate.Length(max=MAX_CUSTOM_FIELDS), plain_document],
    )


class CreateRequesterSchema(_PersonSchema):
    """A new requester. At least one of name, email, phone and external_id."""

    custom_fields = _custom_fields()
    identities = _identities()

    @validates_schema
    def _somebody(self, data: dict[str, Any], **_: Any) -> None:
        if not any(data.get(name) for name in ("name", "email", "phone", "external_id")):
            message = "Give at least one of name, email, phone and external_id."
            raise ValidationError(message)


class UpdateRequesterSchema(_PersonSchema):
    """Changes to a requester; lists are replaced whole, what is left out stays.

    A new email, phone or external_id is shown from then on; the one before still finds the
    requester until `identities` is replaced. Null takes it away altogether.
    """

    custom_fields = _custom_fields()
    identities = _identities()


class RequesterProfileSchema(StrictSchema):
    """A requester as they are."""

    id = fields.String(required=True, metadata={"example": "rqr_019a0c5e7d2f7c3a9b1e5f60718293a4"})
    version = fields.Integer(required=True)
    name = fields.String(required=True, allow_none=True)
    email = fields.String(required=True, allow_none=True)
    phone = fields.String(
        required=True, allow_none=True, metadata={"description": "As it was given."}
    )
    phone_e164 = fields.String(
        required=True, allow_none=True, metadata={"description": "Null if it cannot be parsed."}
    )
    external_id = fields.String(required=True, allow_none=True)
    contacts = fields.List(fields.Nested(ContactSchema), required=True)
    locale = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True, allow_none=True)
    custom_fields = fields.Dict(required=True)
    identities = fields.List(fields.Nested(IdentitySchema), required=True)
    merged_into = fields.String(required=True, allow_none=True)
    erased_at = Timestamp(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


RequesterPageSchema = page(RequesterProfileSchema)


class MergeRequesterSchema(StrictSchema):
    """Who the requester is merged into."""

    into = requester_id(required=True)


class EraseRequesterSchema(StrictSchema):
    """The order to erase: `{}`."""


class RequesterExportSchema(StrictSchema):
    """Everything that is kept of a person."""

    exported_at = Timestamp(required=True)
    requester = fields.Nested(RequesterProfileSchema, required=True)
    merged = fields.List(
        fields.Nested(RequesterProfileSchema),
        required=True,
        metadata={"description": "Requesters that were merged into this one, as they were."},
    )
    tickets = fields.List(
        fields.Dict(),
        required=True,
        metadata={"description": "`ticket` as it is and `events`, all that happened to it."},
    )
