"""Requests to a desk's API, by the commands that use it from outside."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit


class CallFailed(Exception):
    """The desk refused, or did not answer; the text says what and where."""


class DeskConnection:
    """Asks one desk with one key."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        """Raise CallFailed if `url` is no address of a desk."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CallFailed(f"{url!r} is no address of a desk; write http://127.0.0.1:8080.")
        self._kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.host, self.port = parts.hostname, parts.port
        self._base = parts.path.rstrip("/")
        self._key = key
        self._timeout_s = timeout_s

    @contextmanager
    def asked(
        self, method: str, path: str, headers: Mapping[str, str], body: Any = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Give the answer to a request, to be read inside the block.

        Raises CallFailed for a refusal, ConnectionError for a desk that says 503, and what
        `http.client` raises when there is no answer.
        """
        connection = self._kind(self.host, self.port, timeout=self._timeout_s)
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
    errors = "; ".join(f"{each['pointer']} {each['detail']}" for each in problem.get("errors", ()))
    return f"{problem.get('detail', problem)} {errors}".rstrip()
