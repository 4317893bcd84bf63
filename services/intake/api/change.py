"""One change of the desk: what a view writes, answers and rings for, as one unit of work.

Every view that writes opens one and answers inside it:

    with change() as unit:
        repository.add(unit.tx, …)
        unit.ring(ListName.MATCHING)
        return unit.answer(document, 201)

So the answer is remembered under the request's Idempotency-Key in the transaction of the effect, an
administrative act is in the audit log with it, and doorbells ring after the commit. A request whose
key has an answer gets it, and the block is not run.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

from flask import Response, request

from services.intake import idempotency
from services.intake.api.audited import note_act
from services.intake.api.http import answer, parts
from services.intake.api.replays import claim_of_request, replay_known
from services.intake.idempotency import Claim, Remembered
from shared.db.engine import Transaction
from shared.db.sealed_places import ANSWERS
from shared.db.types import load_json
from shared.domain.errors import IdempotencyInFlight
from shared.domain.ids import Prefix
from shared.domain.work import ListName

#: How long a request waits for the first one with its key, and how often it looks, in seconds.
PATIENCE_S = 2.0
LOOK_EVERY_S = 0.02

#: What is remembered of an answer besides its status and body.
_HEADERS = ("Location", "ETag")

#: How the ids begin of what answers are remembered by: of tickets, requesters and subscriptions.
_SUBJECTS = tuple(
    f"{each.value}_" for each in (Prefix.TICKET, Prefix.REQUESTER, Prefix.SUBSCRIPTION)
)


class Change:
    """What a view does: writes by `tx`, doorbells to ring, and its answer."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.response: Response | None = None
        self.rings: list[ListName] = []

    def ring(self, *names: ListName) -> None:
        """Ring the doorbells of lists once the change is committed."""
        self.rings += names

    def answer(
        self,
        document: Mapping[str, Any] | None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Give the answer, which is sent once the change is committed; None for no body."""
        empty = Response(status=status, headers=dict(headers or {}))
        self.response = empty if document is None else answer(document, status, headers)
        return self.response


@contextmanager
def change() -> Iterator[Change]:
    """Open the unit of work of the present request.

    Raises Replay if its Idempotency-Key has an answer, IdempotencyMismatch if that is another
    request's, IdempotencyInFlight if the first request with it is not done for PATIENCE_S.
    """
    app, claim = parts(), claim_of_request()
    deadline, pause = monotonic() + PATIENCE_S, threading.Event()
    while True:
        with app.database.transaction() as tx:
            if claim is None or tx.claim(claim.lock):
                unit = Change(tx)
                if claim is not None:
                    replay_known(tx, claim)
                yield unit
                if unit.response is None:
                    message = "A view left its unit of work without an answer."
                    raise RuntimeError(message)
                note_act(tx, unit.response)
                if claim is not None:
                    _remember(tx, claim, unit.response)
                break
        # The claim is another's, and this try held nothing else: no connection while it waits.
        if monotonic() > deadline:
            message = "The first request with this Idempotency-Key is not done yet; repeat it soon."
            raise IdempotencyInFlight(message)
        pause.wait(LOOK_EVERY_S)
    for name in unit.rings:
        app.ring(name)


def _subject(body: str) -> str | None:
    """Return the ticket, requester or subscription of an answer, or else what the request names.

    Merging is asked of one ticket and answered by the other.
    """
    named = request.view_args or {}
    made = load_json(body).get("id") if body else None
    if isinstance(made, str) and made.startswith(_SUBJECTS):
        return made
    found = named.get("ticket_id") or named.get("requester_id") or made
    return found if isinstance(found, str) else None


def _remember(tx: Transaction, claim: Claim, response: Response) -> None:
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    body = response.get_data(as_text=True)
    app, subject = parts(), _subject(body)
    if subject is not None and subject.startswith(f"{Prefix.SUBSCRIPTION}_"):
        # It may hold a signing secret.
        body = app.database.keyring.seal(ANSWERS.purpose, body)
    remembered = Remembered(response.status_code, headers, body, subject)
    now = app.now()
    expires_at = now + app.idempotency_ttl
    tx.insert(idempotency.KEYS, [idempotency.row_of(claim, remembered, now, expires_at)])
