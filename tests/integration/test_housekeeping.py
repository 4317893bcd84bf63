"""What is over is deleted, what is not stays; also where a key has two columns."""

from datetime import timedelta

from shared.db.housekeeping import CHUNK, forget_dry_runs, forget_idempotency_keys
from shared.db.models import DryRun, IdempotencyKey
from shared.db.models.base import table
from shared.domain.work import WorkState
from shared.runtime import Runtime
from tests.factories import NOW
from tests.rows import rows


def test_remembered_answers_are_forgotten_when_their_time_is_over(runtime: Runtime) -> None:
    def key(number: int, hours: int) -> dict[str, object]:
        return {
            "api_key_id": "key_1",
            "key": str(number),
            "request_hash": "",
            "operation": "POST /v1/tickets",
            "status": 201,
            "headers": "{}",
            "answer": "",
            "created_at": NOW,
            "expires_at": NOW + timedelta(hours=hours),
        }

    over = [key(number, -1) for number in range(CHUNK + 1)]
    with runtime.database.transaction() as tx:
        tx.insert(table(IdempotencyKey), [*over, key(-1, 1)])
    assert forget_idempotency_keys(runtime.database, NOW) == CHUNK + 1
    assert [row["key"] for row in rows(runtime.database, IdempotencyKey)] == ["-1"]


def test_questions_to_the_router_are_forgotten_after_a_while(runtime: Runtime) -> None:
    for number, minutes in enumerate((1, 11)):
        row = {
            "id": f"dry_{number}",
            "question": {},
            "answer": None,
            "created_at": NOW - timedelta(minutes=minutes),
            "work_state": WorkState.DONE,
            "available_at": NOW,
            "attempts": 0,
        }
        with runtime.database.transaction() as tx:
            tx.insert(table(DryRun), [row])
    forget_dry_runs(runtime.database, NOW)
    assert [row["id"] for row in rows(runtime.database, DryRun)] == ["dry_0"]
