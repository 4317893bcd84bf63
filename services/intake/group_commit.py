"""Group commit: all tickets that arrive while a transaction is under way share the next one.

A commit waits for the disk. One for each request makes every request wait for its own; one for
everything that came meanwhile lets a busy service commit at the speed of its requests, and costs a
lonely request nothing, for nobody waits for company.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.exc import IntegrityError

from services.intake import idempotency
from services.intake.attachments.bringing import bring_uploads
from services.intake.idempotency import KEYS, Claim, Remembered
from shared.db import ticket_changes
from shared.db.engine import Database, Row, Transaction
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.db.types import dump_json
from shared.domain.attachment import AttachmentRules
from shared.domain.clock import Clock
from shared.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    InvalidInput,
    PatchbayError,
    Unavailable,
)
from shared.domain.trace_context import belonging_to
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.observability import metrics, tracing
from shared.observability.logging import get_logger

#: Tickets in one transaction; beyond this its length is felt by whoever waits for it.
MAX_BATCH = 500

#: How often a batch is begun; each try but the last may meet a name that was just taken.
MAX_TRIES = 3

#: How long a request waits for its commit before it is told to come again.
ANSWER_TIMEOUT_S = 30.0

_TICKETS = table(Ticket)

log = get_logger()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to give; `replayed` if it was given before."""

    answer: Remembered
    replayed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """One request, with the claim of its Idempotency-Key.

    `view` leaves of the ticket what whoever hands it in may see; None leaves all of it.
    """

    ticket: NewTicket
    claim: Claim | None
    view: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    answer: "Future[Accepted]" = field(default_factory=Future)


def answer_of(document: Mapping[str, Any]) -> Remembered:
    """Return the answer that tells of a new ticket."""
    headers = {
        "Location": f"/v1/tickets/{document['id']}",
        "ETag": f'"{document["version"]}"',
    }
    return Remembered(201, headers, dump_json(document), document["id"])


class GroupCommitter:
    """One thread that commits what request threads submit. Starts with the first submission."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ring: Callable[[ListName], None],
        idempotency_ttl: timedelta,
        attachment_rules: AttachmentRules,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._ttl = idempotency_ttl
        self._rules = attachment_rules
        self._waiting: deque[Submission] = deque()
        self._arrived = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, submission: Submission) -> Accepted:
        """Have a ticket stored; returns when it is committed.

        Raises Unavailable when the database is down or the wait was too long, Conflict when its
        external id is taken, IdempotencyMismatch when its key came with another request before,
        InvalidInput when it names a requester who is not there.
        """
        with self._arrived:
            if self._closing:
                message = "The service is shutting down."
                raise Unavailable(message)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
                self._thread.start()
            self._waiting.append(submission)
            metrics.commit_waiting.inc()
            self._arrived.notify()
        try:
            return submission.answer.result(ANSWER_TIMEOUT_S)
        except TimeoutError as error:
            message = "The ticket could not be stored in time; whether it was is not known."
            raise Unavailable(message) from error

    def close(self, timeout_s: float = 10.0) -> None:
        """Take nothing more, commit what waits, stop."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while batch := self._take():
            # Off, nobody asks the generator for anything.
            with tracing.gathered("intake.commit", (s.ticket.traceparent for s in batch)):
                self._commit(batch)

    def _take(self) -> list[Submission]:
        """Wait for submissions and return all there are, but each key and external id once.

        The second of two with the same key meets the first one's result in the next batch.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: self._waiting or self._closing)
            batch: list[Submission] = []
            later: list[Submission] = []
            seen: set[tuple[str, ...]] = set()
            while self._waiting and len(batch) < MAX_BATCH:
                submission = self._waiting.popleft()
                names = _unique_names(submission)
                if seen.isdisjoint(names):
                    seen |= names
                    batch.append(submission)
                else:
                    later.append(submission)
            self._waiting.extendleft(reversed(later))
            metrics.commit_waiting.dec(len(batch))
            return batch

    def _commit(self, batch: Sequence[Submission]) -> None:
        """Commit a batch; when that fails, each of it alone, so that only the culprit fails."""
        failpoint("intake.taken")
        began = perf_counter()
        try:
            answers = self._store_anew(batch)
        except Unavailable as error:
            metrics.commits_failed.labels("unavailable").inc()
            for submission in batch:
                submission.answer.set_exception(error)
            return
        except Exception as error:  # noqa: BLE001 -- every submission gets an answer
            metrics.commits_failed.labels("split").inc()
            log.warning("commit.split", tickets=len(batch), error=type(error).__name__)
            for submission in batch:
                self._commit_alone(submission)
            return
        metrics.commit_rows.observe(len(batch))
        metrics.commit_seconds.observe(perf_counter() - began)
        self._answer(batch, answers)

    def _commit_alone(self, submission: Submission) -> None:
        try:
            answers = self._store_anew([submission])
        except Exception as error:  # noqa: BLE001 -- every submission gets an answer
            submission.answer.set_exception(error)
        else:
            self._answer([submission], answers)

    def _store_anew(self, batch: Sequence[Submission]) -> list[Accepted | Exception]:
        """Store a batch, once more if another process took a name or an address in this moment.

        Whoever was second finds it there the next time.
        """
        for _ in range(MAX_TRIES - 1):
            with suppress(IntegrityError):
                return self._store(batch)
        return self._store(batch)

    def _answer(self, batch: Sequence[Submission], answers: Sequence[Accepted | Exception]) -> None:
        failpoint("intake.committed")
        for submission, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Accepted):
                submission.answer.set_result(answer)
            else:
                submission.answer.set_exception(answer)
        failpoint("intake.answered")
        if any(isinstance(answer, Accepted) and not answer.replayed for answer in answers):
            # Whoever routes them rings for their events: one doorbell, and one fan-out for both the
            # creation and the assignment.
            traces = (submission.ticket.traceparent for submission in batch)
            with belonging_to(next(filter(None, traces), None)):
                self._ring(ListName.ROUTING)
                if self._rules.scan and any(s.ticket.content["attachments"] for s in batch):
                    self._ring(ListName.SCANNING)

    def _store(self, batch: Sequence[Submission]) -> list[Accepted | Exception]:
        now = self._clock.now()
        with self._database.transaction() as tx:
            known = self._known(tx, batch, now)
            fresh = [submission for submission in batch if submission not in known]
            attached = bring_uploads(tx, [s.ticket for s in fresh], self._rules, now)
            known |= {
                s: found
                for s, found in zip(fresh, attached, strict=True)
                if isinstance(found, PatchbayError)
            }
            tickets = [each for each in attached if isinstance(each, NewTicket)]
            fresh = [submission for submission in fresh if submission not in known]
            documents = ticket_changes.create(tx, tickets, now) if tickets else []
            made: dict[Submission, Remembered] = {}
            for submission, document in zip(fresh, documents, strict=True):
                if isinstance(document, InvalidInput):
                    if submission.ticket.content["attachments"]:
                        # Alone, its uploads stay where they are.
                        raise document
                    known[submission] = document
                else:
                    view = submission.view
                    made[submission] = answer_of(view(document) if view else document)
            tx.insert(
                KEYS,
                [
                    idempotency.row_of(submission.claim, answer, now, now + self._ttl)
                    for submission, answer in made.items()
                    if submission.claim is not None
                ],
            )
            failpoint("intake.made")
        return [known.get(s) or Accepted(made[s]) for s in batch]

    def _known(
        self, tx: Transaction, batch: Sequence[Submission], now: datetime
    ) -> dict[Submission, Accepted | Exception]:
        """Answer what needs no new ticket: replays, misused keys, taken external ids."""
        known: dict[Submission, Accepted | Exception] = {}
        keyed = [(submission, submission.claim) for submission in batch if submission.claim]
        if keyed:
            names = or_(*(idempotency.named(claim) for _, claim in keyed))
            found = {_name(row): row for row in tx.rows(select(KEYS).where(names))}
            for submission, claim in keyed:
                row = found.get((claim.api_key_id, claim.operation, claim.key))
                if row is None:
                    continue
                if row["expires_at"] <= now:
                    tx.execute(delete(KEYS).where(idempotency.named(claim)))
                else:
                    known[submission] = _replay(claim, row)
        named = [
            submission
            for submission in batch
            if submission.ticket.content["external_id"] is not None and submission not in known
        ]
        if named:
            query = select(_TICKETS.c.source, _TICKETS.c.external_id, _TICKETS.c.id).where(
                _TICKETS.c.external_id.in_([s.ticket.content["external_id"] for s in named])
            )
            taken = {(row.source, row.external_id): row.id for row in tx.execute(query)}
            for submission in named:
                source, external_id = _external_name(submission)
                if (source, external_id) in taken:
                    message = (
                        f"The external id {external_id!r} of the source {source!r} belongs to "
                        "another ticket."
                    )
                    ticket_id = taken[source, external_id]
                    known[submission] = Conflict(message, ticket_id=ticket_id)
        return known


def _external_name(submission: Submission) -> tuple[str, str]:
    content = submission.ticket.content
    return content["source"], content["external_id"]


def _unique_names(submission: Submission) -> set[tuple[str, ...]]:
    names: set[tuple[str, ...]] = set()
    claim = submission.claim
    if claim is not None:
        names.add((claim.api_key_id, claim.operation, claim.key))
    if submission.ticket.content["external_id"] is not None:
        names.add(_external_name(submission))
    return names


def _name(row: Row) -> tuple[str, ...]:
    return row["api_key_id"], row["operation"], row["key"]


def _replay(claim: Claim, row: Row) -> Accepted | Exception:
    try:
        return Accepted(idempotency.read(row, claim.request_hash), replayed=True)
    except IdempotencyMismatch as error:
        return error
