"""A client of the API as a careful customer would write it.

A broken connection or a 503 means “unknown”: the same request goes out again with the same
Idempotency-Key until there is an answer. Only an answer counts.
"""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from services.chaos.checker import Rule
from services.chaos.errors import BrokenPromise, ChaosError

#: How long one request may go on being repeated, and the rest between two tries.
GIVE_UP_S = 60.0
REST_S = 0.02
SOCKET_TIMEOUT_S = 40.0


#: What `troubles` calls a connection that was made, and reset before it had answered anything.
RESET_ANEW = "reset before the first answer"


class NoAnswer(ChaosError):
    """Nobody waits for the answer any more; the text holds the last failure."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, how long the last try took, when it came, how many tries were needed."""

    status: int
    document: Any
    took_s: float
    at: float
    tries: int


class Client:
    """One connection to the API, for one thread; it asks no more once `over` is set."""

    def __init__(self, port: int, token: str, over: threading.Event | None = None) -> None:
        self._port = port
        self._over = over or threading.Event()
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None
        #: Whether the present connection has answered something.
        self._has_answered = False
        #: What went wrong and was tried again, by kind.
        self.troubles: Counter[str] = Counter()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Answer:
        """Post until there is an answer; raises BrokenPromise without one, and NoAnswer."""
        return self.ask("POST", path, body, {} if key is None else {"Idempotency-Key": key})

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request until there is an answer other than 503; raises as `send` does."""
        return self.send(method, path, None if body is None else json.dumps(body).encode(), headers)

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send bytes until there is an answer other than 503.

        Raises BrokenPromise after GIVE_UP_S, and NoAnswer once `over` is set.
        """
        give_up_at = monotonic() + GIVE_UP_S
        tries, failure = 0, ""
        while monotonic() < give_up_at and not self._over.is_set():
            tries += 1
            began = monotonic()
            try:
                status, answered = self._exchange(method, path, content, headers or {})
            except (OSError, http.client.HTTPException) as error:
                self.close()
                failure = repr(error)
                anew = isinstance(error, ConnectionResetError) and not self._has_answered
                self.troubles[RESET_ANEW if anew else type(error).__name__] += 1
            else:
                if status != http.HTTPStatus.SERVICE_UNAVAILABLE:
                    now = monotonic()
                    return Answer(status, _read(answered), now - began, now, tries)
                failure = answered.decode()
                self.troubles["503"] += 1
            self._over.wait(REST_S)
        where = f"{method} {path}: {tries} tries, the last: {failure}"
        if self._over.is_set():
            raise NoAnswer(where)
        raise BrokenPromise(Rule.UNANSWERED, where)

    def _exchange(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=SOCKET_TIMEOUT_S
            )
            self._has_answered = False
        self._connection.request(method, path, content, {**self._headers, **headers})
        response = self._connection.getresponse()
        answered = response.read()
        self._has_answered = True
        return response.status, answered


def _read(answered: bytes) -> Any:
    """Return what JSON says; of lines of JSON, a list."""
    try:
        return json.loads(answered)
    except ValueError:
        return [json.loads(line) for line in answered.splitlines()]
