"""Figures of the desk as a whole, which one process reads from the database for all.

They are no gauges of prometheus-client: those keep every label they ever had, and with several
processes also what a process wrote that has lost its lease since. What is published here replaces
all that was there, and is gone when it is not published anew: a process that hangs or is no longer
the one to read shows nothing old. With `PROMETHEUS_MULTIPROC_DIR` set it lies in a file there, and
whoever serves /metrics shows the newest.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

#: The values of the labels, and the value.
Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric that is read from the database."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


LIST_BACKLOG = Figure(
    "patchbay_list_backlog", "Rows of a work list that are ready and due.", ("list",)
)
LIST_OLDEST = Figure(
    "patchbay_list_oldest_seconds",
    "For how long the oldest due row of a work list has been due; 0 where none is.",
    ("list",),
)
LIST_DEAD = Figure(
    "patchbay_list_dead",
    "Rows that gave up (dead), mails whose fate nobody knows, and those that came back.",
    ("list", "state"),
)
WAITING_TICKETS = Figure(
    "patchbay_waiting_tickets", "Tickets that wait for an agent, by team.", ("team",)
)
WAITING_OLDEST = Figure(
    "patchbay_waiting_oldest_seconds",
    "For how long the ticket that waits longest has looked for an agent, by team.",
    ("team",),
)
WAITING_NEEDS = Figure(
    "patchbay_waiting_needs",
    "Tickets that wait for an agent, by what they need; the rarer needs together as “other”.",
    ("need",),
)
WAITING_NEEDS_OLDEST = Figure(
    "patchbay_waiting_needs_oldest_seconds",
    "For how long the ticket that waits longest has looked for an agent, by what it needs.",
    ("need",),
)
AGENTS = Figure("patchbay_agents", "Agents by presence.", ("presence",))
AGENTS_AVAILABLE = Figure(
    "patchbay_agents_available", "Agents who are online and have room for a ticket."
)
TEAM_AGENTS = Figure(
    "patchbay_team_agents", "Agents of a team; one of two teams is in both.", ("team", "presence")
)
TEAM_LOAD = Figure("patchbay_team_load", "Load of a team's agents.", ("team", "presence"))
TEAM_CAPACITY = Figure(
    "patchbay_team_capacity", "Capacity of a team's agents.", ("team", "presence")
)
SLA_CLOCKS = Figure(
    "patchbay_sla_clocks",
    "Clocks of unresolved tickets that are not fulfilled: running, at_risk, breached, paused.",
    ("metric", "state"),
)
ENDPOINTS = Figure(
    "patchbay_webhook_endpoints",
    "Webhook subscriptions by the health of their endpoint, or disabled.",
    ("state",),
)
READING_SECONDS = Figure(
    "patchbay_figures_read_seconds", "Time it took to read these figures from the database."
)

ALL = (
    LIST_BACKLOG,
    LIST_OLDEST,
    LIST_DEAD,
    WAITING_TICKETS,
    WAITING_OLDEST,
    WAITING_NEEDS,
    WAITING_NEEDS_OLDEST,
    AGENTS,
    AGENTS_AVAILABLE,
    TEAM_AGENTS,
    TEAM_LOAD,
    TEAM_CAPACITY,
    SLA_CLOCKS,
    ENDPOINTS,
    READING_SECONDS,
)

#: What a label may be as long as: needs are as long as what somebody asks for.
LABEL_CHARS = 120

_BY_NAME = {figure.name: figure for figure in ALL}
_FILES = "figures_*.json"


class FigureBoard(Collector):
    """Holds what was published last, in this process or in the folder that processes share."""

    def __init__(self) -> None:
        self._own: str | None = None

    def publish(self, samples: dict[Figure, Sequence[Sample]], valid_s: float) -> None:
        """Show these figures, and no others, for so many seconds."""
        text = json.dumps(
            {
                "until": monotonic() + valid_s,
                "at": monotonic(),
                "figures": {figure.name: list(found) for figure, found in samples.items()},
            }
        )
        folder = _folder()
        if folder is None:
            self._own = text
            return
        path = folder / f"figures_{os.getpid()}.json"
        draft = path.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(path)

    def withdraw(self) -> None:
        """Show nothing of this process any more."""
        self._own = None
        folder = _folder()
        if folder is not None:
            (folder / f"figures_{os.getpid()}.json").unlink(missing_ok=True)

    def describe(self) -> Iterator[Metric]:
        """Name what may come, so that nobody else takes a name."""
        for figure in ALL:
            yield GaugeMetricFamily(figure.name, figure.meaning, labels=figure.labels)

    def collect(self) -> Iterator[Metric]:
        """Yield the newest figures that are not too old."""
        now = monotonic()
        found = [json.loads(text) for text in self._texts()]
        valid = [each for each in found if each["at"] <= now < each["until"]]
        if not valid:
            return
        for name, samples in max(valid, key=lambda each: float(each["at"]))["figures"].items():
            figure = _BY_NAME[name]
            family = GaugeMetricFamily(name, figure.meaning, labels=figure.labels)
            for labels, value in samples:
                family.add_metric([label[:LABEL_CHARS] for label in labels], value)
            yield family

    def _texts(self) -> Iterator[str]:
        folder = _folder()
        if folder is not None:
            # Replaced as a whole, or removed by a process that ends in this moment.
            for path in folder.glob(_FILES):
                try:
                    yield path.read_text()
                except FileNotFoundError:
                    continue
        elif self._own is not None:
            yield self._own


def _folder() -> Path | None:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


board = FigureBoard()
