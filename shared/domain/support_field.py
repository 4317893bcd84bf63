"""The fields of the support form that an installation may leave out."""

from enum import StrEnum


class SupportField(StrEnum):
    """A field or group of fields; name, e-mail, subject and description are always there."""

    PHONE = "phone"
    CONTACT = "contact"
    TYPE = "type"
    PRODUCT = "product"
    ERRORS = "errors"
    STEPS = "steps"
    ENVIRONMENT = "environment"
    IMPACT = "impact"
    URGENCY = "urgency"
    COSTS = "costs"
    FILES = "files"
    LINKS = "links"
