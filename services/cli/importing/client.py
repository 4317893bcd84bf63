"""The bulk API as a careful client calls it: again, when nobody answered."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import IO, Any
from urllib.parse import urlsplit

NDJSON = "application/x-ndjson"

#: How long a request is tried again when nobody answers or the desk says 503, in seconds.
PATIENCE_S = 60.0
FIRST_REST_S, LONGEST_REST_S = 0.2, 5.0
TIMEOUT_S = 120.0


class CallFailed(Exception):
    """The desk refused, or did not answer; the text says what and where."""


class BulkClient:
    """Calls one desk with one key."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CallFailed(f"{url!r} is no address of a desk; write http://127.0.0.1:8080.")
        self._kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._host, self._port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self._key = key
        self._pause = threading.Event()

    def send(self, body: IO[bytes], length: int, query: str, key: str) -> Mapping[str, Any]:
        """Send a body as a job under an Idempotency-Key; return the job."""
        headers = {
            "Content-Type": NDJSON,
            "Content-Length": str(length),
            "Idempotency-Key": key,
            "Prefer": "respond-async",
        }

        def rewound() -> IO[bytes]:
            body.seek(0)
            return body

        return self._patiently("POST", f"/v1/tickets/bulk?{query}", headers, rewound)

    def job(self, job_id: str) -> Mapping[str, Any]:
        """Return a job."""
        return self._patiently("GET", f"/v1/jobs/{job_id}", {}, lambda: None)

    def refused(self, job_id: str) -> Iterator[Mapping[str, Any]]:
        """Yield the results of the lines that made no ticket."""
        path = f"/v1/jobs/{job_id}/results?refused=true"
        with self._asked("GET", path, {}, None) as answer:
            for line in answer:
                yield json.loads(line)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._pause.wait(seconds)

    def _patiently(
        self, method: str, path: str, headers: Mapping[str, str], body: Any
    ) -> Mapping[str, Any]:
        deadline, rest_s = monotonic() + PATIENCE_S, FIRST_REST_S
        while True:
            try:
                with self._asked(method, path, headers, body()) as answer:
                    document: Mapping[str, Any] = json.loads(answer.read())
                    return document
            except (OSError, http.client.HTTPException) as error:
                if monotonic() > deadline:
                    raise CallFailed(
                        f"{self._host}:{self._port} does not answer: {error}."
                    ) from error
            self.wait(rest_s)
            rest_s = min(2 * rest_s, LONGEST_REST_S)

    @contextmanager
    def _asked(
        self, method: str, path: str, headers: Mapping[str, str], body: Any
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._kind(self._host, self._port, timeout=TIMEOUT_S)
        try:
            given = {"Authorization": f"Bearer {self._key}", **headers}
            connection.request(method, self._base + path, body, given)
            answer = connection.getresponse()
            if answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
                raise ConnectionError(_detail(answer.read()))
            if answer.status >= http.HTTPStatus.BAD_REQUEST:
                raise CallFailed(f"{method} {path}: {answer.status}, {_detail(answer.read())}")
            yield answer
        finally:
            connection.close()


def _detail(body: bytes) -> str:
    try:
        problem = json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace")
    errors = "; ".join(f"{e['pointer']} {e['detail']}" for e in problem.get("errors", ()))
    return f"{problem.get('detail', problem)} {errors}".rstrip()
