"""The incidents that are replayed: a sample of a real log, carried in the package.

`data/SOURCE.md` says where they come from, under which licence, and what the fields mean.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import cycle, islice
from random import Random
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as the log has it; times are aware and in UTC."""

    id: str
    opened_at: datetime
    channel: str
    requester: str
    category: str | None
    subcategory: str | None
    impact: str
    urgency: str
    priority: str
    group_first: str | None
    group_final: str | None
    agent_final: str | None
    resolved_at: datetime | None
    reassignments: int
    reopens: int


def load_incidents() -> list[Incident]:
    """Return the whole sample, the oldest first."""
    packed = files("services.demo").joinpath("data/incidents.jsonl.gz").read_bytes()
    return [_incident(orjson.loads(line)) for line in gzip.decompress(packed).splitlines()]


def choose(incidents: Sequence[Incident], count: int, random: Random) -> list[Incident]:
    """Return `count` incidents that follow each other in the log, from a random one on.

    More than the sample has are taken by beginning it again.
    """
    start = random.randint(0, max(0, len(incidents) - count))
    return list(islice(cycle([*incidents[start:], *incidents[:start]]), count))


def _incident(values: dict[str, Any]) -> Incident:
    resolved_at = values["resolved_at"]
    return Incident(
        **{
            **values,
            "opened_at": datetime.fromisoformat(values["opened_at"]),
            "resolved_at": datetime.fromisoformat(resolved_at) if resolved_at else None,
        }
    )
