"""How worked cases of SLA clocks are written: steps in words, times of the clock on the wall."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.domain.duration import parse_duration
from shared.domain.sla import Clocks, Fact, Metric, Policy, Said, policy_of, recompute
from shared.domain.ticket import Priority

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday")
_ALL = (*_WEEK, "saturday", "sunday")


def calendar(zone: str, days: Any, *spans: tuple[str, str], holidays: tuple[str, ...] = ()) -> Any:
    """The document of a calendar with the same spans on some days."""
    return {
        "time_zone": zone,
        "hours": {day: [{"start": start, "end": end} for start, end in spans] for day in days},
        "holidays": [{"date": day, "name": ""} for day in holidays],
    }


_FREE = ("2026-04-03", "2026-04-06", "2026-05-01", "2026-12-25", "2027-01-01")

CALENDARS: dict[str, Any] = {
    "24x7": None,
    "berlin": calendar("Europe/Berlin", _WEEK, ("09:00", "17:00"), holidays=_FREE),
    "berlin, closed on Tuesday": calendar(
        "Europe/Berlin", _WEEK, ("09:00", "17:00"), holidays=("2026-03-03",)
    ),
    "new york": calendar("America/New_York", _WEEK, ("09:00", "17:00")),
    "kathmandu": calendar("Asia/Kathmandu", (*_WEEK, "sunday"), ("10:00", "17:00")),
    "lunch": calendar("Europe/Berlin", _WEEK, ("09:00", "12:30"), ("13:30", "18:00")),
    "sundays": calendar("Europe/Berlin", ("sunday",), ("00:00", "24:00")),
    "nights": calendar("Europe/Berlin", _WEEK, ("22:00", "06:00"), holidays=_FREE),
    "every night": calendar("Europe/Berlin", _ALL, ("22:00", "06:00")),
    "an hour a week": calendar("Europe/Berlin", ("monday",), ("09:00", "10:00")),
    "no hours": calendar("Europe/Berlin", ()),
}

#: 16 and 80 hours are 2 and 10 days of eight hours.
RESOLUTION = {"critical": "1h", "high": "4h", "medium": "16h", "low": "80h"}


def policy(calendar_name: str, target: str | None = None) -> Policy:
    """A policy by a calendar; with a target, that one for the resolution of every priority."""
    targets = {
        priority: {
            "first_response": "1h",
            "next_response": "2h",
            "resolution": target or RESOLUTION[priority],
        }
        for priority in RESOLUTION
    }
    return policy_of(calendar_name, 1, {"targets": targets}, CALENDARS[calendar_name])


@dataclass(frozen=True, slots=True)
class Case:
    """Steps, and when a clock is due after the last of them; all in the time of one zone.

    A step is a time and one of: `created PRIORITY`, `priority PRIORITY`, `policy CALENDAR`,
    `reply`, `answer`, or a status. Of a clock that stands still `due` is None, and `if resumed` is
    when it would be due if it went on at the last step.
    """

    name: str
    steps: tuple[str, ...]
    due: str | None
    by: str = "berlin"
    metric: str = "resolution"
    target: str | None = None
    zone: str = "Europe/Berlin"
    breached: str | None = None
    if_resumed: str | None = None
    worked: str | None = None

    def moment(self, text: str) -> datetime:
        """A local time as a moment; of a time that comes twice, the first."""
        local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(self.zone))
        return local.astimezone(UTC)

    def facts(self) -> list[Fact]:
        """The steps as facts."""
        status, priority, used = "new", Priority.MEDIUM, policy(self.by, self.target)
        facts = []
        for step in self.steps:
            at, words, said = self.moment(step[:16]), step[17:].partition(" "), None
            match words[0]:
                case "created" | "priority":
                    priority = Priority(words[2])
                case "policy":
                    used = policy(words[2], self.target)
                case "reply" | "answer":
                    said = Said(words[0])
                case other:
                    status = other
            facts.append(Fact(at, status, priority, used, said))
        return facts

    def clocks(self) -> Clocks:
        return recompute(self.facts())[0]

    @property
    def measured(self) -> Metric:
        return Metric(self.metric)


def length(text: str) -> timedelta:
    return timedelta(seconds=parse_duration(text))
