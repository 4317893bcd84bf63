"""A log of tickets: one JSON object a line, plain or gzipped.

Needed are `id`, `opened_at`, and a group; everything else may be missing or null. The fields are
those of the incidents that the demo replays (`services/demo/data/SOURCE.md`), with the history in
`events` where there is one: `{at, agent, group}`.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from services.router.simulation.theory.errors import LabError
from shared.domain.ticket import Channel, Priority

#: Words for priorities in logs, beside Patchbay's own: ServiceNow's begin with a number.
_PRIORITIES = {
    "1": Priority.CRITICAL,
    "2": Priority.HIGH,
    "3": Priority.MEDIUM,
    "4": Priority.LOW,
    "5": Priority.LOW,
    "moderate": Priority.MEDIUM,
    "urgent": Priority.CRITICAL,
    "normal": Priority.MEDIUM,
    **{priority.value: priority for priority in Priority},
}


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody did something to a ticket."""

    at: datetime
    agent: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A ticket of the past; `agent` resolved it, `acts` are in the order of time."""

    id: str
    opened_at: datetime
    group: str | None
    agent: str | None
    category: str | None
    priority: Priority
    channel: Channel
    resolved_at: datetime | None
    acts: tuple[Act, ...]


def read_log(path: Path) -> list[LogRecord]:
    """Return the tickets of a file in the order of opening; LabError names the bad line."""
    records = list(parse_log(str(path), _lines(path)))
    if not records:
        raise LabError(f"{path} holds no tickets")
    return sorted(records, key=lambda record: (record.opened_at, record.id))


def parse_log(name: str, lines: Iterable[bytes]) -> Iterator[LogRecord]:
    """Yield the tickets of lines of JSON; blank lines are skipped."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield record_of(orjson.loads(line))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise LabError(f"{name}: line {number} is no ticket: {what}") from error


def record_of(row: Mapping[str, Any]) -> LogRecord:
    """Return a ticket from a log's object or a row of an installation's own history.

    Raises KeyError without `id` or `opened_at`, ValueError for what is no time or priority.
    """
    events = row.get("events") or ()
    acts = [
        Act(_moment(event["at"]), event["agent"], event.get("group"))
        for event in events
        if event.get("agent") and event.get("state") != "Closed"
    ]
    agent, resolved_at = row.get("agent_final"), row.get("resolved_at")
    ended = _moment(resolved_at) if resolved_at else None
    group = row.get("group_final") or row.get("group_first")
    if agent and ended and not acts:
        acts = [Act(ended, agent, group)]
    for event in events:
        group = group or event.get("group")
    return LogRecord(
        id=str(row["id"]),
        opened_at=_moment(row["opened_at"]),
        group=group,
        agent=agent,
        category=row.get("category"),
        priority=_priority(row.get("priority")),
        channel=_channel(row.get("channel")),
        resolved_at=ended,
        acts=tuple(sorted(acts, key=lambda act: act.at)),
    )


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LabError(f"{path} cannot be read: {reason}") from error


def _moment(text: str | datetime) -> datetime:
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no zone; end it in Z or an offset")
    return moment.astimezone(UTC)


def _priority(text: str | None) -> Priority:
    if text is None:
        return Priority.MEDIUM
    words = text.lower().replace("-", " ").split()
    for word in words:
        if word in _PRIORITIES:
            return _PRIORITIES[word]
    raise ValueError(f"{text!r} is no priority; use critical, high, medium or low")


def _channel(text: str | None) -> Channel:
    try:
        return Channel((text or "").lower())
    except ValueError:
        return Channel.IMPORT
