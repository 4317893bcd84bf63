"""Who says something about a ticket, and who may read it."""

from enum import StrEnum


class AuthorKind(StrEnum):
    """Who said it; `api` is a program that speaks for the desk."""

    REQUESTER = "requester"
    AGENT = "agent"
    API = "api"


class Visibility(StrEnum):
    """Whether the requester may read it."""

    PUBLIC = "public"
    INTERNAL = "internal"
