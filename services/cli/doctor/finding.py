"""A finding, and how bad it is."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is.

    ok: as it should be. note: worth knowing. warning: it will hurt. error: it does not work.
    """

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Area(StrEnum):
    """What is looked at, in this order."""

    CONFIGURATION = "configuration"
    HOST = "host"
    DATABASE = "database"
    WORK = "work"
    BROKER = "broker"
    STORAGE = "storage"
    SCANNER = "scanner"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found; of what is not ok also why it matters and the way out."""

    severity: Severity
    what: str
    why: str = ""
    way_out: str = ""


def ok(what: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Severity.OK, what)


def note(what: str, why: str, way_out: str) -> Finding:
    """Return something worth knowing."""
    return Finding(Severity.NOTE, what, why, way_out)


def warning(what: str, why: str, way_out: str) -> Finding:
    """Return something that will hurt."""
    return Finding(Severity.WARNING, what, why, way_out)


def error(what: str, why: str, way_out: str) -> Finding:
    """Return something that does not work."""
    return Finding(Severity.ERROR, what, why, way_out)
