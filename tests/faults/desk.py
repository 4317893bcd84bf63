"""A whole desk under test: database, processes, agents, subscribers, and what it must prove."""

import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, text, update

from services.chaos.desk import ProvenDesk
from services.chaos.receivers import SOME_EVENTS, Receivers
from shared.db.engine import Database
from shared.db.models import Attachment, Delivery, Lease, TicketEvent
from shared.db.models.base import table
from shared.domain.clock import SystemClock
from shared.domain.delivery import HELD_RANK
from shared.domain.work import WorkState
from tests.faults.processes import ROOT, ServiceProcess
from tests.faults.subscriber import Subscriber

#: Room for fewer tickets than a run leaves open, so that some have to wait and be matched later.
AGENTS, CAPACITY = 20, 15
SKILL = "vpn"

#: Which doorbell tells that a worker hears the broker.
DOORBELLS = {"router": "routing", "notifier": "events"}


class Desk(ProvenDesk[ServiceProcess]):
    """Agents and two subscriptions in front of running processes."""

    def __init__(
        self,
        database_url: str,
        port: int,
        token: str,
        processes: Mapping[str, ServiceProcess],
        subscribers: Receivers[Subscriber] | None = None,
    ) -> None:
        super().__init__(database_url, port, token, processes)
        self.subscribers = subscribers or Receivers(Subscriber(), Subscriber(SOME_EVENTS))
        #: Those that came to the first of each kind, also when they are gone again.
        self._others: list[ServiceProcess] = []

    def looking_at(self, database_url: str) -> "Desk":
        """Look at the database by another way than the processes take."""
        self._database.close()
        self._database = Database(database_url)
        return self

    @contextmanager
    def open(self, agents: int = AGENTS, capacity: int = CAPACITY) -> Iterator["Desk"]:
        """Start everything, hire agents (every other one has the skill), subscribe; stop all."""
        with self.subscribers, self.resumed():
            self._furnish(agents, capacity)
            yield self

    @property
    def subscriber(self) -> Subscriber:
        """Who is told of everything."""
        return self.subscribers.first

    @contextmanager
    def resumed(self) -> Iterator["Desk"]:
        """Start everything on a database that has agents and subscriptions; stop."""
        try:
            with self.running(nullcontext()):
                yield self
        finally:
            for process in self._others:
                process.stop()

    def moved_to(self, database_url: str, settings: Mapping[str, str]) -> "Desk":
        """Return a desk like this one, not started, on another database that has all of it."""
        processes = {name: process.twin() for name, process in self.processes.items()}
        for process in processes.values():
            process.settings.update({"PATCHBAY_DATABASE_URL": database_url, **settings})
        return Desk(database_url, self._port, self._token, processes, self.subscribers)

    def files(self, ticket: str) -> list[bytes]:
        """Return what the files of a ticket hold, as the API hands them out."""
        with closing(self.client()) as client:
            listed = client.ask("GET", f"/v1/tickets/{ticket}/attachments").document["items"]
        return [self._download(each["id"]) for each in listed]

    def _download(self, attachment: str) -> bytes:
        url = f"http://127.0.0.1:{self._port}/v1/attachments/{attachment}/content"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())

    def pace_webhooks(self, per_s: int) -> None:
        """Let no more than so many webhooks go out to each subscriber in a second."""
        with closing(self.client()) as client:
            for hook in self.subscribers.subscribed:
                changed = client.ask("PATCH", f"/v1/webhooks/{hook}", {"rate_limit_per_s": per_s})
                assert changed.status == 200, changed.document

    def rearm(self, settings: Mapping[str, str], *names: str) -> None:
        """Kill processes (all unless named); `revive` starts them with these settings too."""
        for name in names or self.processes:
            self.processes[name].settings.update(settings)
            self.processes[name].kill()

    def bury(self, pid: int) -> None:
        """Kill what is left of the service to which a dead process belonged.

        An HTTP server is a process that starts others and would start another one itself, later.
        """
        if all(process.pid != pid for process in self.processes.values()):
            for name in self.processes.keys() & {"intake", "serve"}:
                self.processes[name].kill()

    def revive(self) -> None:
        """Start again what has died, as a process manager would; their leases end at once."""
        for name, process in self.processes.items():
            if process.ended:
                self.end_leases(
                    deliveries=name in ("notifier", "serve"), scans=name in ("intake", "serve")
                )
                process.launch()

    @contextmanager
    def second(self, name: str) -> Iterator[None]:
        """Run a second process of a kind."""
        twin = self.processes[name].twin()
        try:
            twin.launch()
            twin.await_ready()
            yield
        finally:
            twin.stop()

    def add(self, name: str, release: Path | None = None) -> ServiceProcess:
        """Launch another process of a kind, perhaps of another release; it is stopped with us."""
        twin = self.processes[name].twin(release)
        self._others.append(twin)
        twin.launch()
        return twin

    def replace(self, name: str, release: Path | None = None) -> float:
        """Put another in the place of a process: first the new one, then the end of the old.

        The new one is of this release, or of the one in a folder. Return how long the old one took
        to end, in seconds.
        """
        new = self.add(name, release or ROOT)
        new.await_serving()
        old = self.processes[name]
        self._others.append(old)
        self.processes = {**self.processes, name: new}
        return old.end()

    def end_leases(self, *, deliveries: bool = False, scans: bool = False) -> None:
        """Let the leases of dead processes end now, as time would: at once instead of in minutes.

        With `deliveries`, also those of webhooks and mails: only while no notifier lives. With
        `scans`, also those of files at the scanner: only while no intake lives.
        """
        now = SystemClock().now()
        lists = [(table(Delivery), deliveries), (table(Attachment), scans)]
        with self._database.transaction() as tx:
            tx.execute(update(table(Lease)).values(expires_at=now))
            for leased in (rows for rows, wanted in lists if wanted):
                held = leased.c.lease_token.is_not(None), leased.c.available_at > now
                tx.execute(update(leased).where(*held).values(available_at=now))

    def pass_hour(self) -> None:
        """Let the mails that are held for a digest be due now, as the next hour would."""
        now, mails = SystemClock().now(), table(Delivery).c
        held = (
            mails.rank == HELD_RANK,
            mails.work_state == WorkState.READY,
            mails.lease_token.is_(None),
            mails.available_at > now,
        )
        with self._database.transaction() as tx:
            tx.execute(update(table(Delivery)).where(*held).values(available_at=now))

    def deadlocks(self) -> int:
        """Return how many deadlocks PostgreSQL has ended in this database since it was started."""
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        with self._database.reading() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def open_transactions(self) -> int:
        """Return how many sessions of this database are in a transaction and say nothing.

        Within a trip, between writes and its end, they are active, and wait for their client.
        """
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND xact_start IS NOT NULL AND wait_event = 'ClientRead'"
        )
        with self._database.reading() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def wrong_by_s(self) -> float:
        """Return by how many seconds the newest event is ahead of this process' clock.

        In distributed mode; it is behind by the time since then, too.
        """
        events = table(TicketEvent).c
        newest = select(events.occurred_at).order_by(events.feed_key.desc()).limit(1)
        with self._database.reading() as connection:
            occurred_at: datetime = connection.execute(newest).scalar_one()
        return (occurred_at - SystemClock().now()).total_seconds()

    def doorbells_heard(self) -> dict[str, float]:
        """Return how many doorbells each worker has received."""
        return {
            name: self.processes[name].metric(
                "patchbay_doorbells_total", list=queue, outcome="received"
            )
            for name, queue in DOORBELLS.items()
        }

    def crashes(self) -> Counter[str]:
        """Return the errors that the processes did not expect, by log event."""
        every = {*self.processes.values(), *self._others}
        return sum((process.crashes() for process in every), Counter())

    def _furnish(self, agents: int, capacity: int) -> None:
        self.subscribers.subscribe(self.client())
        client = self.client()
        assert client.post("/v1/skills", {"name": SKILL}).status == 201
        for number in range(agents):
            agent = {
                "name": f"Agent {number}",
                "email": f"agent{number}@example.com",
                "capacity": capacity,
                "presence": "online",
                "skills": _skills(number),
            }
            assert client.post("/v1/agents", agent).status == 201
        client.close()


def _skills(number: int) -> Sequence[Mapping[str, object]]:
    return [{"skill": SKILL, "level": 2 + number % 4}] if number % 2 else []
