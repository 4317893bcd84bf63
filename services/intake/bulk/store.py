"""Lines become tickets: a chunk in one transaction, and each ticket once.

Past the group committer, so that no live request waits behind a bulk body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.intake.attachments.bringing import bring_uploads
from services.intake.bulk.line import Line, Made, Outcome
from services.intake.bulk.people import pasts
from shared.db import ticket_changes
from shared.db.engine import Transaction, translated
from shared.db.models import BulkKey, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.domain.attachment import AttachmentRules
from shared.domain.bulk import BulkMode
from shared.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    InvalidInput,
    PatchbayError,
    Unavailable,
)
from shared.domain.lifecycle import LifeRules
from shared.observability.logging import get_logger

_KEYS, _TICKETS = table(BulkKey), table(Ticket)

Outcomes = dict[int, Outcome]

log = get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """Who sent a body, and how it is to be handled."""

    api_key_id: str
    actor: str
    correlation_id: str
    mode: BulkMode
    dry_run: bool


class LineStore:
    """Stores lines. `kept` is how long their keys are remembered."""

    def __init__(self, rules: LifeRules, kept: timedelta, attached: AttachmentRules) -> None:
        self._rules = rules
        self._kept = kept
        self._attached = attached

    def store(
        self, tx: Transaction, order: Order, lines: Sequence[Line], now: datetime
    ) -> Outcomes:
        """Make the tickets of lines in the caller's transaction; return what became of each.

        When the set fails, each line is tried alone, so that only the culprit is refused. Raises
        Unavailable when the database cannot go on; then nothing of the set is stored.
        """
        try:
            return self._guarded(tx, order, lines, now)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- every line gets an answer
            log.warning("bulk.split", lines=len(lines), error=type(error).__name__)
        outcomes: Outcomes = {}
        for line in lines:
            outcomes |= self._alone(tx, order, line, now)
        return outcomes

    def _guarded(
        self, tx: Transaction, order: Order, lines: Sequence[Line], now: datetime
    ) -> Outcomes:
        with translated(), tx.connection.begin_nested():
            outcomes = self._store(tx, order, lines, now)
            tx.flushed()
            return outcomes

    def _alone(self, tx: Transaction, order: Order, line: Line, now: datetime) -> Outcomes:
        """Store one line; a name that another took in this moment is looked up once more."""
        for last in (False, True):
            try:
                return self._guarded(tx, order, [line], now)
            except Unavailable:
                raise
            except PatchbayError as error:
                return {line.number: error}
            except IntegrityError:
                if last:
                    message = "A name is taken, or something that it refers to does not exist."
                    return {line.number: Conflict(message)}
            except Exception:
                log.exception("bulk.line_failed", line=line.number, job=order.correlation_id)
                message = "Something went wrong here; the log of the service has the cause."
                return {line.number: PatchbayError(message)}
        raise AssertionError

    def _store(
        self, tx: Transaction, order: Order, lines: Sequence[Line], now: datetime
    ) -> Outcomes:
        known = self._known(tx, order, lines, now)
        outcomes: Outcomes = dict(known)
        first: dict[tuple[str, ...], Line] = {}
        fresh, repeated = [], []
        for line in lines:
            if line.number in known:
                continue
            names = _names(line)
            earlier = next((first[name] for name in names if name in first), None)
            if earlier is None:
                fresh.append(line)
                first |= dict.fromkeys(names, line)
            else:
                repeated.append((line, earlier))
        outcomes |= self._made(tx, order, fresh, now)
        for line, earlier in repeated:
            outcomes[line.number] = _again(line, earlier, outcomes[earlier.number])
        return outcomes

    def _made(
        self, tx: Transaction, order: Order, fresh: Sequence[Line], now: datetime
    ) -> Outcomes:
        outcomes: Outcomes = {}
        tickets: list[tuple[Line, NewTicket]] = []
        found = (
            pasts(tx, fresh, self._rules, now)
            if order.mode is BulkMode.IMPORT
            else [None] * len(fresh)
        )
        for line, past in zip(fresh, found, strict=True):
            if isinstance(past, PatchbayError):
                outcomes[line.number] = past
            else:
                # A doorbell brought this; its trace may be that of another job.
                new = NewTicket(
                    line.content, order.actor, order.correlation_id, past=past, traceparent=None
                )
                tickets.append((line, new))
        if order.dry_run or not tickets:
            return outcomes | {line.number: Made(fresh=True) for line, _ in tickets}
        documents = self._create(tx, [new for _, new in tickets], now)
        keys = []
        for (line, _), document in zip(tickets, documents, strict=True):
            made = outcomes[line.number] = _outcome(document)
            if line.key is not None and isinstance(made, Made):
                keys.append(
                    {
                        "api_key_id": order.api_key_id,
                        "key": line.key,
                        "content_hash": line.content_hash,
                        "ticket_id": made.ticket_id,
                        "number": made.number,
                        "expires_at": now + self._kept,
                    }
                )
        tx.insert(_KEYS, keys)
        return outcomes

    def _create(
        self, tx: Transaction, tickets: Sequence[NewTicket], now: datetime
    ) -> list[dict[str, Any] | PatchbayError]:
        """Make tickets with the uploads that they name; each or why it cannot be."""
        brought = bring_uploads(tx, tickets, self._attached, now)
        whole = [each for each in brought if isinstance(each, NewTicket)]
        made = iter(ticket_changes.create(tx, whole, now) if whole else [])
        answers: list[dict[str, Any] | PatchbayError] = []
        for ticket, each in zip(tickets, brought, strict=True):
            answer = each if isinstance(each, PatchbayError) else next(made)
            if isinstance(answer, InvalidInput) and ticket.content["attachments"]:
                # Its uploads were taken: alone, they stay where they are.
                raise answer
            answers.append(answer)
        return answers

    def _known(
        self, tx: Transaction, order: Order, lines: Sequence[Line], now: datetime
    ) -> Outcomes:
        """Answer the lines whose tickets were made before, by their keys and external ids."""
        known: Outcomes = {}
        keyed = {line.key: line for line in lines if line.key is not None}
        if keyed:
            query = select(_KEYS).where(
                _KEYS.c.api_key_id == order.api_key_id, _KEYS.c.key.in_(keyed)
            )
            rows = {row["key"]: row for row in tx.rows(query)}
            over = [key for key, row in rows.items() if row["expires_at"] <= now]
            if over and not order.dry_run:
                tx.execute(
                    _KEYS.delete().where(
                        _KEYS.c.api_key_id == order.api_key_id, _KEYS.c.key.in_(over)
                    )
                )
            for line in lines:
                row = rows.get(line.key or "")
                if line.key is not None and row is not None and line.key not in over:
                    known[line.number] = _by_key(line, row)
        named = [line for line in lines if line.content["external_id"] is not None]
        if named:
            columns = (_TICKETS.c.source, _TICKETS.c.external_id, _TICKETS.c.id, _TICKETS.c.number)
            ids = {line.content["external_id"] for line in named}
            query = select(*columns).where(_TICKETS.c.external_id.in_(ids))
            taken = {(row["source"], row["external_id"]): row for row in tx.rows(query)}
            for line in named:
                row = taken.get((line.content["source"], line.content["external_id"]))
                if row is not None and line.number not in known:
                    known[line.number] = Made(False, row["id"], row["number"])
        return known


def outcome_counts(outcomes: Mapping[int, Outcome]) -> dict[str, int]:
    """Return how many lines were made, known and refused."""
    made = [each for each in outcomes.values() if isinstance(each, Made)]
    created = sum(each.fresh for each in made)
    return {
        "created": created,
        "known": len(made) - created,
        "refused": len(outcomes) - len(made),
    }


def _outcome(document: Mapping[str, Any] | PatchbayError) -> Outcome:
    if isinstance(document, PatchbayError):
        return document
    return Made(True, document["id"], document["number"])


def _names(line: Line) -> list[tuple[str, ...]]:
    """Return by what a line is known, should it come again."""
    names: list[tuple[str, ...]] = [] if line.key is None else [("key", line.key)]
    external_id = line.content["external_id"]
    if external_id is not None:
        names.append(("external id", line.content["source"], external_id))
    return names


def _again(line: Line, earlier: Line, outcome: Outcome) -> Outcome:
    """Answer a line that names the same ticket as an earlier one of its chunk."""
    if line.key is not None and line.key == earlier.key:
        return _same_key(line, earlier.content_hash, outcome)
    return Made(False, outcome.ticket_id, outcome.number) if isinstance(outcome, Made) else outcome


def _by_key(line: Line, row: Mapping[str, Any]) -> Outcome:
    made = Made(False, row["ticket_id"], row["number"])
    return _same_key(line, row["content_hash"], made)


def _same_key(line: Line, content_hash: str, outcome: Outcome) -> Outcome:
    if line.content_hash != content_hash:
        return IdempotencyMismatch("This idempotency_key came before with another ticket.")
    return Made(False, outcome.ticket_id, outcome.number) if isinstance(outcome, Made) else outcome
