"""Questions to the router: a row that waits for its answer (ADR 0017)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.intake import repository
from shared.db.engine import Database
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState


def ask(database: Database, question: Mapping[str, Any], now: datetime) -> str:
    """Store a question and return its id; whoever asked has to ring."""
    row = {
        "id": new_id(Prefix.DRY_RUN),
        "question": question,
        "answer": None,
        "created_at": now,
        "work_state": WorkState.READY,
        "available_at": now,
        "attempts": 0,
    }
    with database.transaction() as tx:
        repository.add(tx, repository.DRY_RUNS, row)
    return str(row["id"])
