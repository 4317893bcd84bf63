"""The bulk API as a careful client calls it: again, when nobody answered."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import IO, Any

from services.cli.desk_connection import CallFailed, DeskConnection

NDJSON = "application/x-ndjson"

#: How long a request is tried again when nobody answers or the desk says 503, in seconds.
PATIENCE_S = 60.0
FIRST_REST_S, LONGEST_REST_S = 0.2, 5.0
TIMEOUT_S = 120.0


class BulkClient:
    """Calls one desk with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._desk = DeskConnection(url, key, TIMEOUT_S)
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
        with self._desk.asked("GET", path, {}) as answer:
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
                with self._desk.asked(method, path, headers, body()) as answer:
                    document: Mapping[str, Any] = json.loads(answer.read())
                    return document
            except (OSError, http.client.HTTPException) as error:
                if monotonic() > deadline:
                    raise CallFailed(
                        f"{self._desk.host}:{self._desk.port} does not answer: {error}."
                    ) from error
            self.wait(rest_s)
            rest_s = min(2 * rest_s, LONGEST_REST_S)
