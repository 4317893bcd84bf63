"""What would happen to a ticket now? Answers without changing anything.

Intake asks by a row of `dry_runs` and waits for the answer there. So the answer comes from the
router that would decide, with its plugins and its view of the agents, and not from a copy of it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from services.router.decide import Decide
from services.router.explanation import explain
from services.router.planning import Planned, plan
from services.router.repository import RouterRepository
from shared.db import ticket_changes
from shared.db.batch import run_batch
from shared.db.engine import Database, Row, Transaction
from shared.db.models import DryRun, Ticket
from shared.db.models.base import table
from shared.db.types import dump_json
from shared.db.work_lists import QUESTIONS
from shared.domain.clock import Clock, rfc3339
from shared.domain.work import ListName, WorkState
from shared.schemas.ticket import CreateTicketSchema

_TICKETS, _DRY_RUNS = table(Ticket), table(DryRun)


class AnswerQuestions:
    """Answers up to `batch_size` questions, each as if its ticket came alone."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        _ring: Callable[[ListName], None],
        repository: RouterRepository,
        batch_size: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._repository = repository
        self._decide = Decide(repository)
        self._batch_size = batch_size

    def __call__(self) -> int:
        """Answer one batch; return how many questions it had."""
        return run_batch(self._database, self._clock, QUESTIONS, self._answer, self._batch_size)

    def _answer(self, tx: Transaction, questions: Sequence[Row]) -> None:
        now = self._clock.now()
        answers = [
            {
                "id": question["id"],
                "answer": dump_json(self._explain(tx, question["question"], now)),
                "work_state": WorkState.DONE.value,
            }
            for question in questions
        ]
        tx.update(_DRY_RUNS, answers)

    def _explain(
        self, tx: Transaction, question: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        """Return a document of `shared.schemas.explain.ExplainedSchema`."""
        configuration = self._repository.configuration(tx)
        pool = self._repository.pool(tx, configuration, now)
        ticket = _ticket(tx, question, now)
        planned = plan(configuration, ticket, pool, now)
        context = self._repository.context(pool, now)
        [decided], [choice] = self._decide.preview(tx, [planned], pool, context)
        pipeline = decided.strategy.pipeline
        version = configuration.rules.version
        winner = choice.winner
        return {
            "outcome": _outcome(decided, found=winner is not None, now=now),
            "agent": winner and {"id": winner.id, "name": winner.name, "email": winner.email},
            "reason": None if winner else choice.reason,
            "routed_at": rfc3339(_routed_at(decided, now)),
            "changes_at": decided.changes_at and rfc3339(decided.changes_at),
            "ticket": {
                name: value
                for name, value in decided.columns.items()
                if name not in ("rank", "rule_fields")
            },
            "explanation": explain(
                choice, decided.routed, decided.subject, pipeline, version, context
            ),
        }


def _ticket(tx: Transaction, question: Mapping[str, Any], now: datetime) -> Row:
    if "ticket" in question:
        content = CreateTicketSchema().load(question["ticket"])
        return ticket_changes.draft(tx, content, now)
    row = tx.first(select(_TICKETS).where(_TICKETS.c.id == question["ticket_id"]))
    if row is None:
        raise LookupError("the ticket is gone")
    return row


def _routed_at(planned: Planned, now: datetime) -> datetime:
    until: datetime = planned.ticket["created_at"] + timedelta(seconds=planned.routed.delay)
    return max(now, until)


def _outcome(planned: Planned, *, found: bool, now: datetime) -> str:
    if _routed_at(planned, now) > now:
        return "delayed"
    if not found:
        return "waiting"
    return "assigned" if planned.strategy.profile.offer_s is None else "offered"
