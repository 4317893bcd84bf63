"""`patchbay verify --repair` that dies in the midst, on a desk at work, and is run again.

Three things are wrong at once, each mended in a transaction of its own: a load, events that
somebody was not told of, and attempts of deliveries that are gone. A process dies with one of them
written, the next with one of them committed, and the third has to end it.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, exists, select, update

from shared.db.engine import Database, Row, Transaction
from shared.db.models import Agent, AuditEntry, Delivery, Subscription, TicketEvent
from shared.db.models.base import table
from shared.domain.audit import AuditAction
from shared.domain.clock import SystemClock
from shared.domain.delivery import DeliveryChannel
from shared.domain.event import EventType
from shared.domain.work import WorkState
from shared.failpoints import strikes
from shared.waiting import wait_until
from tests.faults.desk import Desk
from tests.faults.processes import ServiceProcess

DEADLINE_S = 60.0
#: The checks that find the damage, in the order in which it is mended.
CHECKS = ("loads", "events-told", "orphans-delivery-attempts-delivery-id")
#: What PostgreSQL says while it has not seen that the process before is dead.
BUSY = "Somebody else is mending"

_AGENTS, _AUDIT, _SUBSCRIPTIONS = table(Agent), table(AuditEntry), table(Subscription)
_DELIVERIES, _EVENTS = table(Delivery), table(TicketEvent)


@dataclass(frozen=True, slots=True)
class Untold:
    """An event whose delivery to a subscription was taken away, arrived so often by then."""

    event_id: str
    receiver: str
    arrived: int


class Repairs:
    """Damages a desk and mends it by processes that die, as often as it is told to."""

    def __init__(self, desk: Desk, database: Database, folder: Path, rng: random.Random) -> None:
        self._desk, self._database, self._rng = desk, database, rng
        self._folder, self._log = folder, folder / "repairs"
        self._untold: list[Untold] = []
        self._rounds = 0

    def round(self) -> None:
        """Damage the desk, let two repairs die, and a third one end."""
        self._rounds += 1
        assert wait_until(self._damage, DEADLINE_S), "nothing there to be damaged"
        self._die("repair.made", after=self._rng.randrange(len(CHECKS)))
        self._die("repair.committed", after=0)
        said = self._verify("")
        assert "Sound: " in said, said

    def struck(self) -> Counter[str]:
        """Return at which points a process died, and how often."""
        return Counter(name for name, _ in strikes(self._log))

    def prove(self) -> None:
        """Show, of a desk at rest, that each repair was made once: noted once, and told once."""
        entries = select(_AUDIT.c.target).where(_AUDIT.c.action == AuditAction.REPAIRED)
        with self._database.reading() as connection:
            noted = Counter(connection.execute(entries).scalars())
        assert noted == dict.fromkeys(CHECKS, self._rounds), f"noted in the audit log: {noted}"
        arrived = Counter(self._desk.subscribers.arrived)
        for each in self._untold:
            [row] = self._deliveries(each)
            assert row["work_state"] is WorkState.DONE, row
            came = arrived[each.receiver, each.event_id] - each.arrived
            assert came == row["attempts"], f"{each} was told {came} times: {row}"

    def _damage(self) -> bool:
        """Spoil a load and take deliveries away, all or nothing; False if there are none yet."""
        hooks = [*self._desk.subscribers.subscribed]
        with self._database.transaction() as tx:
            room = select(_AGENTS.c.id).where(_AGENTS.c.load < _AGENTS.c.capacity)
            agent = tx.first(room.order_by(_AGENTS.c.id).limit(1).with_for_update())
            # One that nobody knows of any more, and one that one of two subscribers knows of.
            repaired = [each.event_id for each in self._untold]
            whole = _told(tx, hooks[0], EventType.TICKET_WAITING, repaired)
            half = _told(tx, hooks[1], EventType.TICKET_ASSIGNED, repaired)
            if agent is None or whole is None or half is None:
                return False
            spoilt = update(_AGENTS).where(_AGENTS.c.id == agent["id"])
            tx.execute(spoilt.values(load=_AGENTS.c.load + 1))
            gone = [whole["id"], half["id"]]
            tx.execute(delete(_DELIVERIES).where(_DELIVERIES.c.id.in_(gone)))
            # Whoever has just subscribed may have missed something; these have not.
            long_ago = SystemClock().now() - timedelta(hours=1)
            tx.execute(update(_SUBSCRIPTIONS).values(updated_at=long_ago))
        arrived = Counter(self._desk.subscribers.arrived)
        self._untold += [
            Untold(row["event_id"], row["receiver"], arrived[row["receiver"], row["event_id"]])
            for row in (whole, half)
        ]
        return True

    def _die(self, point: str, after: int) -> None:
        before = len(strikes(self._log))
        said = self._verify(f"{point}=kill,after {after}")
        assert [name for name, _ in strikes(self._log)[before:]] == [point], said

    def _verify(self, failpoints: str) -> str:
        """Run it to its end; return what it said."""
        said = ""

        def ended() -> bool:
            nonlocal said
            said = self._once(failpoints)
            return BUSY not in said

        assert wait_until(ended, DEADLINE_S), said
        return said

    def _once(self, failpoints: str) -> str:
        [settings, *_] = (process.settings for process in self._desk.processes.values())
        armed = {"PATCHBAY_FAILPOINTS": failpoints, "PATCHBAY_FAILPOINTS_LOG": str(self._log)}
        process = ServiceProcess("verify", ("--repair",), {**settings, **armed}, self._folder)
        process.launch()
        assert wait_until(lambda: process.ended, DEADLINE_S), process.explain()
        return process.explain()

    def _deliveries(self, untold: Untold) -> list[Row]:
        mine = _DELIVERIES.c.event_id == untold.event_id, _DELIVERIES.c.receiver == untold.receiver
        with self._database.reading() as connection:
            return [*connection.execute(select(_DELIVERIES).where(*mine)).mappings()]


def _told(
    tx: Transaction, receiver: str, event_type: EventType, repaired: Sequence[str]
) -> Row | None:
    """Return a webhook that told of such an event, and that no mail and no other repair did.

    `repaired` are the events of other repairs.
    """
    mail = _DELIVERIES.alias("mail")
    mailed = exists().where(
        mail.c.event_id == _DELIVERIES.c.event_id, mail.c.channel == DeliveryChannel.EMAIL
    )
    query = (
        select(_DELIVERIES)
        .join(_EVENTS, _EVENTS.c.id == _DELIVERIES.c.event_id)
        .where(
            _DELIVERIES.c.channel == DeliveryChannel.WEBHOOK,
            _DELIVERIES.c.receiver == receiver,
            _DELIVERIES.c.work_state == WorkState.DONE,
            _EVENTS.c.type == event_type,
            _EVENTS.c.id.not_in(repaired),
        )
        .order_by(_DELIVERIES.c.id.desc())
        .limit(1)
    )
    if event_type is EventType.TICKET_WAITING:
        query = query.where(~mailed)
    return tx.first(query)
