"""The tickets that wait, in classes of equal need, priority and target.

A free agent looks at two tickets of each class only, so a look costs the number of classes and not
the length of the queue.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from services.router.model import Need, Subject
from services.router.simulation.desk import Job
from shared.domain.ticket import Priority


@dataclass(frozen=True, slots=True)
class Queued:
    """A ticket that waits, with its need as it is by now."""

    job: Job
    subject: Subject

    @property
    def place(self) -> tuple[float, int]:
        """By what a class is sorted: the age."""
        return self.job.at, self.job.number


@dataclass(slots=True)
class _Line:
    """A class, the oldest ticket first; with one target for all, that is by deadline, too."""

    places: list[tuple[float, int]] = field(default_factory=list)
    tickets: dict[tuple[float, int], Queued] = field(default_factory=dict)

    def first_from(self, second: float) -> int:
        """Return the position of the oldest ticket that came at a second or later."""
        return bisect_left(self.places, (second, -1))


class Backlog:
    """Lines of waiting tickets, grouped by need."""

    def __init__(self) -> None:
        self._lines: dict[Need, dict[tuple[Priority, timedelta], _Line]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, queued: Queued) -> None:
        """Park a ticket; one that comes back keeps its age."""
        lines = self._lines.setdefault(queued.subject.need, {})
        line = lines.setdefault(_class_of(queued), _Line())
        insort(line.places, queued.place)
        line.tickets[queued.place] = queued
        self._count += 1

    def needs(self) -> Iterator[tuple[Need, Queued]]:
        """Yield the needs that tickets wait with, and a ticket of each."""
        for need, lines in self._lines.items():
            line = next(iter(lines.values()))
            yield need, line.tickets[line.places[0]]

    def heads(
        self, need: Need, limit: int, now: float, handling_s: float
    ) -> Iterator[tuple[Queued, int]]:
        """Yield who may come next, and how many wait in all with this need.

        Of each class the `limit` oldest, and the `limit` oldest that would be in time if begun now.
        """
        lines = self._lines[need]
        waiting = sum(len(line.places) for line in lines.values())
        for (_, due), line in lines.items():
            savable = max(limit, line.first_from(now + handling_s - due.total_seconds()))
            places = line.places[:limit] + line.places[savable : savable + limit]
            for place in places:
                yield line.tickets[place], waiting

    def remove(self, queued: Queued) -> None:
        """Take a ticket out."""
        lines = self._lines[queued.subject.need]
        name = _class_of(queued)
        line = lines[name]
        del line.places[bisect_left(line.places, queued.place)]
        del line.tickets[queued.place]
        self._count -= 1
        if not line.places:
            del lines[name]
            if not lines:
                del self._lines[queued.subject.need]


def _class_of(queued: Queued) -> tuple[Priority, timedelta]:
    subject = queued.subject
    return subject.priority, subject.due_at - subject.created_at
