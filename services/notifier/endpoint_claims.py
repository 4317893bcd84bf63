"""The claim of webhooks: which endpoints have something due, and what of it is leased.

Three round trips, whatever the number of endpoints: those that have something due, the deliveries
of all of them, and the lease with the commit; one more where an endpoint has a limit of its own or
is to be probed, because that is decided under a lock, and one for bodies that take more than one
place, which are read when it is known which of them are leased. An endpoint that is disabled,
paused or whose breaker is open is not looked at, so its backlog costs nothing and uses up no
attempts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, exists, func, select

from services.notifier import health_repository, ordering
from services.notifier.coalesce import leave_out_superseded
from services.notifier.due_webhooks import (
    GIVEN,
    MAX_ENDPOINTS,
    due_of_endpoint,
    endpoints,
    oldest_due,
    oldest_live,
    open_to_all,
    with_health,
)
from services.notifier.health import rate
from services.notifier.health.observe import blocked_until
from services.notifier.health_repository import HEALTH
from services.notifier.job import Claimed, Job
from services.notifier.places import Places, is_slow, places_of
from shared.db.dialects.base import plain_rows
from shared.db.engine import Database, Row, Transaction
from shared.db.models import Delivery, Subscription
from shared.db.models.base import table
from shared.db.work_lists import DELIVERIES_DUE
from shared.domain.delivery import RETRY_RANK
from shared.domain.endpoint_health import Health
from shared.domain.subscription import AfterOutage, Ordering

_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)

_ALL_RANKS = 32_767

#: What an endpoint may get in one claim however many have something due, for there may be others
#: among them that have nothing that may go yet.
LEAST_EVEN = 8


@dataclass(frozen=True, slots=True)
class _Due:
    """An endpoint that has something due; `room` is a bound of its own, where it has one."""

    endpoint: Row
    health: Health | None
    room: int | None = None

    @property
    def id(self) -> str:
        return str(self.endpoint["id"])

    def has_live(self, now: datetime) -> bool:
        """Tell whether something is due that is neither a retry nor a replay."""
        since = self.endpoint["oldest_live"]
        return since is not None and since <= now

    @property
    def guarded(self) -> bool:
        """Whether what is leased is decided under a lock."""
        health = self.health
        comes_back = health is not None and (health.stale or health.open_until is not None)
        limits = (self.endpoint["rate_limit_per_s"], self.endpoint["concurrency"])
        return comes_back or any(limit is not None for limit in limits)


class EndpointClaims:
    """Claims webhooks for one process."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self._database = database
        self._lease = lease
        live = oldest_live()
        self._endpoints = {
            _ALL_RANKS: endpoints(oldest_due(), live),
            RETRY_RANK: endpoints(live, live),
        }
        self._deliveries = database.dialect.rows_of_each("given", GIVEN, due_of_endpoint)

    def claim(self, now: datetime, places: Places) -> Claimed:
        """Lease what is due and has room, live events before everything else."""
        ranks_below = _ALL_RANKS if places.slow_free else RETRY_RANK
        asked = {"now": now, "full": places.full()}
        with self._database.transaction() as tx:
            rows = plain_rows(tx.execute(self._endpoints[ranks_below], asked))
            found = [_due(row) for row in rows]
            due = self._guard(tx, found, now)
            self._coalesce(tx, due, now)
            rows, hit = self._take(tx, due, now, places, ranks_below)
            if not rows:
                return Claimed((), more=False)
            large = [row["id"] for row in rows if places_of(row["octets"]) > 1]
            bodies = ordering.bodies_of(tx, large) if large else {}
            token = DELIVERIES_DUE.lease(tx, rows, now, self._lease)
            self._spend(tx, due, rows, now)
        by_id = {each.id: each for each in due}
        jobs = [
            Job(row, token, bodies.get(row["id"], row["body"]), now, each.endpoint, each.health)
            for row in rows
            for each in [by_id[row["receiver"]]]
        ]
        return Claimed(jobs, more=hit or len(found) == MAX_ENDPOINTS)

    def has_ready(self, connection: Connection, before: datetime) -> bool:
        """Tell whether a webhook that may be sent has been due since `before`."""
        oldest = oldest_due()
        query = select(_SUBSCRIPTIONS.c.id).where(
            _SUBSCRIPTIONS.c.enabled, open_to_all(before), oldest <= before
        )
        joined = query.select_from(with_health())
        return bool(connection.execute(select(exists(joined))).scalar_one())

    def next_due(self, connection: Connection, after: datetime) -> datetime | None:
        """Return when the next webhook becomes due after a moment, or an endpoint's rest ends."""
        oldest, next_one = (
            oldest_due(),
            oldest_due(_DELIVERIES.c.available_at > after),
        )
        blocked = HEALTH.c.blocked_until
        resting = case((oldest > blocked, oldest), (oldest.is_not(None), blocked))
        moment = case((blocked > after, resting), else_=next_one)
        query = select(func.min(moment)).select_from(with_health()).where(_SUBSCRIPTIONS.c.enabled)
        found: datetime | None = connection.execute(query).scalar_one()
        return found

    def _guard(self, tx: Transaction, found: Sequence[_Due], now: datetime) -> list[_Due]:
        """Bound those with a limit or a probe; leave out who may have nothing now."""
        guarded = [each for each in found if each.guarded]
        if not guarded:
            return list(found)
        health_repository.add(tx, [each.id for each in guarded if each.health is None])
        free = health_repository.locked_if_free(tx, [each.id for each in guarded], now)
        bounded = (
            _bounded(each, *free[each.id], now) if each.id in free else None
            for each in found
            if each.guarded
        )
        known = {each.id: each for each in bounded if each is not None and each.room}
        return [
            known[each.id] if each.guarded else each
            for each in found
            if not each.guarded or each.id in known
        ]

    def _coalesce(self, tx: Transaction, due: Sequence[_Due], now: datetime) -> None:
        stale = [each for each in due if each.health is not None and each.health.stale]
        if not stale:
            return
        latest = [e.id for e in stale if e.endpoint["after_outage"] is AfterOutage.LATEST]
        if latest:
            leave_out_superseded(tx, latest, now)
        over = [each.id for each in stale if each.health and each.health.open_until is None]
        health_repository.note_outages_over(tx, over)

    def _take(
        self,
        tx: Transaction,
        due: Sequence[_Due],
        now: datetime,
        places: Places,
        ranks_below: int,
    ) -> tuple[list[Row], bool]:
        """Read due deliveries and keep those that get a place.

        Returns them, and whether some endpoint had all it may have.
        """
        # Without live events only the places of the slow lanes can be given away. What an endpoint
        # may hold falls with every place that another one takes: twice its even part is what most
        # of them would be left with. So few rows are read, and locked, for nothing.
        live = any(each.has_live(now) for each in due)
        limit = places.free if live else places.slow_free
        even = max(LEAST_EVEN, 2 * limit // max(1, len(due)))
        rooms = {each.id: min(_room(each, places), even) for each in due}
        given = [
            {
                "endpoint": each.id,
                "room": rooms[each.id],
                "ranks_below": ranks_below,
                "unordered": each.endpoint["ordering"] is Ordering.NONE,
                "due": now,
            }
            for each in due
            if rooms[each.id]
        ]
        if not given:
            return [], False
        found = self._deliveries(tx.flushed(), given, limit)
        kept: list[Row] = []
        taken = dict.fromkeys(rooms, 0)
        for row in found:
            receiver, rank = row["receiver"], row["rank"]
            if places.room(receiver) and not (is_slow(rank) and not places.slow_free):
                places.take(receiver, rank, places_of(row["octets"]))
                taken[receiver] += 1
                kept.append(row)
        full = any(count == rooms[each] for each, count in taken.items() if count)
        return kept, full or len(kept) < len(found)

    def _spend(
        self, tx: Transaction, due: Sequence[_Due], rows: Sequence[Row], now: datetime
    ) -> None:
        """Note the tokens that are used up and the probes that are on their way."""
        counts: dict[str, int] = {}
        for row in rows:
            counts[row["receiver"]] = counts.get(row["receiver"], 0) + 1
        changed: dict[str, Health] = {}
        for each in due:
            if each.id in counts and each.guarded and each.health is not None:
                changed[each.id] = self._after_claim(each, each.health, counts[each.id], now)
        health_repository.save(tx, changed)

    def _after_claim(self, each: _Due, health: Health, count: int, now: datetime) -> Health:
        per_s = each.endpoint["rate_limit_per_s"]
        if per_s is not None:
            health = rate.spent(health, per_s, count, now)
        if health.open_until is not None:
            # Nobody else sends there until the probe is back, or its lease has ended.
            health = replace(health, open_until=now + self._lease)
        else:
            health = replace(health, stale=False)
        return replace(health, blocked_until=blocked_until(health))


def _room(each: _Due, places: Places) -> int:
    room = places.room(each.id)
    return room if each.room is None else min(room, each.room)


def _bounded(each: _Due, health: Health, in_flight: int, now: datetime) -> _Due:
    """Return an endpoint with its bound, by its health as it is under the lock."""
    room = _ALL_RANKS
    if health.blocked_until is not None and health.blocked_until > now:
        room = 0
    if health.open_until is not None:
        room = min(room, 1)
    per_s, concurrency = each.endpoint["rate_limit_per_s"], each.endpoint["concurrency"]
    if concurrency is not None:
        room = min(room, max(0, concurrency - in_flight))
    if per_s is not None:
        health = rate.refilled(health, per_s, now)
        room = min(room, int(health.tokens))
    return _Due(each.endpoint, health, room)


def _due(row: Row) -> _Due:
    known = row["health_subscription_id"] is not None
    return _Due(row, health_repository.health_of(row, "health_") if known else None)
