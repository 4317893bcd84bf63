"""Idempotency-Key: reading it, and giving the answer that it has already.

draft-ietf-httpapi-idempotency-key-header-07. `services.intake.api.change` writes the answers.
"""

from typing import Any

from flask import Response, current_app, g, request

from services.intake import idempotency
from services.intake.idempotency import Claim, Remembered, hash_request
from shared.db.engine import Transaction
from shared.domain.errors import MalformedRequest

MAX_KEY_CHARS = 255


class Replay(Exception):
    """The request was answered before; `response` has the answer."""

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self.response = replayed(remembered)


def replay_if_known() -> None:
    """Raise Replay at once if the request's key has an answer, before anything else is checked.

    What the first request referred to may be gone by now, and its answer stands all the same.
    """
    claim = claim_of_request()
    if claim is not None:
        with _parts().database.transaction() as tx:
            replay_known(tx, claim)


def replay_known(tx: Transaction, claim: Claim) -> None:
    """Raise Replay if a claimed key has an answer, IdempotencyMismatch if another request's."""
    remembered = idempotency.find(tx, claim, _parts().now())
    if remembered is not None:
        raise Replay(remembered)


def claim_of_request() -> Claim | None:
    """Return the claim of the request's Idempotency-Key; None if it has none.

    Its scope is the API key and the operation; path and body must be the same each time.
    """
    key = idempotency_key()
    if key is None:
        return None
    found: Claim | None = g.get("claim")
    if found is None:
        rule = request.url_rule.rule if request.url_rule else request.path
        content = g.body if "body" in g else request.get_data()
        found = g.claim = Claim(
            g.caller.key_id,
            f"{request.method} {rule}",
            key,
            hash_request(content, request.view_args),
        )
    return found


def idempotency_key() -> str | None:
    """Return the Idempotency-Key, with or without the quotes of a structured field (RFC 9651).

    Raises MalformedRequest for an empty one, one that is too long or has other characters.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    key = given.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not 1 <= len(key) <= MAX_KEY_CHARS or not (key.isascii() and key.isprintable()):
        message = f"An Idempotency-Key has 1 to {MAX_KEY_CHARS} printable ASCII characters."
        raise MalformedRequest(message)
    return key


def told(answer: Remembered) -> Response:
    """Return an answer as a response."""
    kind = "application/json" if answer.body else None
    return Response(answer.body, answer.status, headers=dict(answer.headers), content_type=kind)


def replayed(answer: Remembered) -> Response:
    """Return an answer that was given before as a response that says so."""
    response = told(answer)
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _parts() -> Any:
    return current_app.extensions["patchbay"]
