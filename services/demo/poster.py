"""Posts the tickets at the pace of the replay, over several connections."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from time import monotonic

from services.demo.api import Api, CallFailed
from services.demo.ledger import Ledger
from services.demo.replay import Posting

CONNECTIONS = 16


async def post_all(api: Api, postings: Sequence[Posting], run_id: str, ledger: Ledger) -> None:
    """Post each ticket when it is due, or as soon as a connection is free, and note its 201.

    A ticket that is refused is noted as a failure. Each has an Idempotency-Key, so that one whose
    answer was lost on the way can be sent again.
    """
    started, remaining = monotonic(), iter(postings)
    async with asyncio.TaskGroup() as connections:
        for _ in range(CONNECTIONS):
            connections.create_task(_post(api, remaining, started, run_id, ledger))


async def _post(
    api: Api, remaining: Iterator[Posting], started: float, run_id: str, ledger: Ledger
) -> None:
    for posting in remaining:
        await asyncio.sleep(max(0.0, started + posting.due_s - monotonic()))
        try:
            ticket = await api.send(
                "POST",
                "/v1/tickets",
                posting.body,
                {"Idempotency-Key": f"{run_id}/{posting.key}"},
            )
        except CallFailed as error:
            ledger.failures.append(f"{posting.key} was not accepted: {error}")
        else:
            ledger.accepted[ticket["id"]] = time.time()
