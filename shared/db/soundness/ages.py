"""Work lists: since when the oldest row of each is ready, and what nobody has taken too long."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Select,
    String,
    Subquery,
    cast,
    func,
    literal,
    select,
    union_all,
)

from shared.db.engine import rows
from shared.db.ready_rows import of_open_endpoints, ready_rows, webhooks_of_endpoint
from shared.db.soundness.check import Check, Look, Question
from shared.domain.work import ListName


def _oldest(now: datetime) -> Subquery:
    """Return for each list since when its oldest row is ready; null where none is."""
    parts: list[Select[Any]] = [
        _part(each.name, func.min(each.moment)).where(*each.conditions) for each in ready_rows()
    ]
    parts.append(_part(ListName.WEBHOOK, func.min(_due_webhooks(now).c.since)))
    every = union_all(*parts).subquery("every")
    return (
        select(every.c.list.label("id"), func.min(every.c.since).label("since"))
        .group_by(every.c.list)
        .subquery("oldest")
    )


def _due_webhooks(now: datetime) -> Subquery:
    """Return since when each endpoint has something due; one that rests or is disabled has not."""
    ready = webhooks_of_endpoint()
    since = select(func.min(ready.moment)).where(*ready.conditions).scalar_subquery()
    return of_open_endpoints(select(since.label("since")), now).subquery("due_webhooks")


def _part(name: ListName, since: Any) -> Select[Any]:
    return select(cast(literal(name.value), String).label("list"), since.label("since"))


def ages(look: Look) -> dict[ListName, float]:
    """Return for how many seconds the oldest row of each list has been ready; 0 where none is."""
    oldest = _oldest(look.now)
    since = {
        row["id"]: row["since"]
        for row in rows(look.connection, select(oldest.c.id, oldest.c.since))
    }
    return {name: _age(since.get(name), look.now) for name in ListName}


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _standing(look: Look) -> Question:
    oldest = _oldest(look.now)
    query = select(oldest.c.id, oldest.c.since).where(oldest.c.since < look.now - look.max_age)
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the check of work lists."""
    yield Check(
        "lists-move",
        "no work list has a row that has been ready for too long",
        _standing,
        lambda row: (
            f"the oldest row of the list {row['id']} is ready since "
            f"{row['since']:%Y-%m-%d %H:%M:%S} UTC: does a process run that handles it?"
        ),
    )
