"""The history of a run as lines of JSON, sealed: written once, and read again for a new verdict.

The first line says what was run, then come strikes, what was seen from outside, and what the
database said. The last line is the seal: how many lines there are, the SHA-256 of all their bytes,
and an HMAC of it under the installation's own secret, so that a history that was changed, or comes
from somewhere else, is known by it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from services.chaos.checker import Rule, Violation
from services.chaos.errors import ChaosError
from services.chaos.facts import AgentFact, AssignmentFact, EventFact, Facts, TicketFact
from services.chaos.record import Arrived, Record, Seen, Struck
from shared.domain.event import EventType
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

#: Rises when an older release could not read the lines any more. Those of version 1 are read, too:
#: one subscriber, who has no name there, was told of everything.
VERSION = 2
UNNAMED = ""

#: Signs a text; empty where the installation has no secret to sign by.
Sign = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Seal:
    """The last line: lines before it, the SHA-256 of their bytes in hex, and the signature."""

    lines: int
    sha256: str
    signature: str

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.lines} {self.sha256}"


def new_history(path: Path) -> BinaryIO:
    """Make the file of a history, before there is one: whether that can be is known then.

    Raises ChaosError for one that is there, or that cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except FileExistsError as error:
        raise ChaosError(f"{path} is there already; name a new file by --history.") from error
    except OSError as error:
        message = f"No history can be written to {path}: {error.strerror}. Name another --history."
        raise ChaosError(message) from error


def write_history(file: BinaryIO, record: Record, sign: Sign) -> Seal:
    """Write the history of a run to a new file, and close it; return its seal."""
    digest, count = hashlib.sha256(), 0
    with file:
        for line in _lines(record):
            content = orjson.dumps(line, default=_plain) + b"\n"
            digest.update(content)
            file.write(content)
            count += 1
        unsigned = Seal(count, digest.hexdigest(), "")
        seal = Seal(unsigned.lines, unsigned.sha256, sign(unsigned.text))
        file.write(orjson.dumps({"kind": "seal", **asdict(seal)}) + b"\n")
    return seal


def read_history(path: Path) -> tuple[Record, Seal]:
    """Read a history whose seal fits its bytes; raises ChaosError for anything else."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ChaosError(f"{path} cannot be read: {error.strerror}.") from error
    *lines, last = content.splitlines(keepends=True) or [b""]
    try:
        found = orjson.loads(last)
        seal = Seal(int(found["lines"]), str(found["sha256"]), str(found["signature"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ChaosError(f"{path} is no history, or its end is missing.") from error
    if seal.lines != len(lines) or seal.sha256 != hashlib.sha256(b"".join(lines)).hexdigest():
        raise ChaosError(f"{path} was changed since it was sealed.")
    try:
        return _record(orjson.loads(line) for line in lines), seal
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ChaosError(f"{path} is of another release: {error!r}.") from error


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


def _lines(record: Record) -> Iterator[Mapping[str, Any]]:
    yield {"kind": "begun", "version": VERSION, **record.about}
    for receiver, types in record.subscribed.items():
        yield {"kind": "subscribed", "receiver": receiver, "event_types": types}
    yield from ({"kind": "struck", **asdict(each)} for each in record.struck)
    moments: list[tuple[str, Seen | Arrived]] = [
        *(("accepted", each) for each in record.accepted),
        *(("arrived", each) for each in record.arrived),
    ]
    # Sorting is stable: what arrived in one moment keeps its order.
    for kind, each in sorted(moments, key=lambda moment: moment[1].at_s):
        yield {"kind": kind, **asdict(each)}
    yield from ({"kind": "resolved", "id": each} for each in record.resolved)
    yield from ({"kind": "mailed", "id": each} for each in record.mailed)
    yield from ({"kind": "refused", "what": each} for each in record.refused)
    yield from ({"kind": "broken", **asdict(each)} for each in record.broken)
    facts = record.facts
    yield from ({"kind": "ticket", **asdict(each)} for each in facts.tickets)
    yield from ({"kind": "agent", **asdict(each)} for each in facts.agents)
    yield from ({"kind": "assignment", **asdict(each)} for each in facts.assignments)
    yield from ({"kind": "event", **asdict(each)} for each in facts.events)
    yield {
        "kind": "rest",
        "rest_s": record.rest_s,
        "crashes": record.crashes,
        "unfinished": facts.unfinished,
        "heaviest": facts.heaviest,
        "webhooks_done": facts.webhooks,
        "mails_done": facts.mails,
    }


def _record(lines: Iterable[dict[str, Any]]) -> Record:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line.pop("kind"), []).append(line)

    def all_of(kind: str) -> list[dict[str, Any]]:
        return found.get(kind, [])

    (about,), (rest,) = found["begun"], found["rest"]
    version = about.pop("version")
    if version == 1:
        _name_the_subscriber(found)
    elif version != VERSION:
        raise ValueError("the version of its lines")
    return Record(
        about=about,
        struck=[Struck(**each) for each in all_of("struck")],
        accepted=[Seen(**each) for each in all_of("accepted")],
        resolved=[each["id"] for each in all_of("resolved")],
        subscribed={
            each["receiver"]: frozenset(map(EventType, each["event_types"]))
            for each in all_of("subscribed")
        },
        arrived=[Arrived(**each) for each in all_of("arrived")],
        mailed=[each["id"] for each in all_of("mailed")],
        refused=[each["what"] for each in all_of("refused")],
        broken=tuple(Violation(Rule(each["rule"]), each["where"]) for each in all_of("broken")),
        crashes=rest["crashes"],
        rest_s=rest["rest_s"],
        facts=Facts(
            tickets=[_ticket(each) for each in all_of("ticket")],
            agents=[_agent(each) for each in all_of("agent")],
            assignments=[_assignment(each) for each in all_of("assignment")],
            events=[
                EventFact(**{**each, "type": EventType(each["type"])}) for each in all_of("event")
            ],
            webhooks=frozenset((receiver, event) for receiver, event in rest["webhooks_done"]),
            unfinished=rest["unfinished"],
            heaviest=rest["heaviest"],
            mails=frozenset(rest["mails_done"]),
        ),
    )


def _name_the_subscriber(found: dict[str, list[dict[str, Any]]]) -> None:
    """Make lines of version 1 those of this one."""
    found["subscribed"] = [{"receiver": UNNAMED, "event_types": []}]
    for each in found.get("arrived", []):
        each["receiver"] = UNNAMED
    (rest,) = found["rest"]
    rest["webhooks_done"] = [(UNNAMED, event) for event in rest["webhooks_done"]]


def _ticket(line: Mapping[str, Any]) -> TicketFact:
    sets = {name: frozenset(line[name]) for name in ("tags", "declined_by")}
    states = {
        "status": TicketStatus(line["status"]),
        "work_state": WorkState(line["work_state"]),
    }
    return TicketFact(**{**line, **sets, **states})


def _agent(line: Mapping[str, Any]) -> AgentFact:
    sets = {name: frozenset(line[name]) for name in ("teams", "languages", "conflicts")}
    return AgentFact(**{**line, **sets})


def _assignment(line: Mapping[str, Any]) -> AssignmentFact:
    moments = {
        name: None if line[name] is None else datetime.fromisoformat(line[name])
        for name in ("started_at", "ended_at")
    }
    return AssignmentFact(**{**line, **moments})
