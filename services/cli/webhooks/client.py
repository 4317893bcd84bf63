"""The API as the commands call it, once: what is refused is said as the API says it."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 60.0


class CallFailed(Exception):
    """The desk refused, or did not answer; the text says what and where."""


class DeskClient:
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

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request; return the document of its answer. Raises CallFailed."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        with closing(self._kind(self._host, self._port, timeout=TIMEOUT_S)) as connection:
            try:
                connection.request(method, self._base + path, text, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise CallFailed(f"{self._host}: no answer: {error}.") from error
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise CallFailed(f"{method} {path}: {answer.status}, {_detail(content)}")
        return json.loads(content)

    def pages(self, path: str, query: Mapping[str, Any], limit: int) -> Iterator[dict[str, Any]]:
        """Yield up to `limit` items of a list, page by page."""
        asked = {name: value for name, value in query.items() if value is not None}
        while limit > 0:
            page = self.call("GET", f"{path}?{urlencode({**asked, 'limit': min(limit, 200)})}")
            yield from page["items"]
            limit -= len(page["items"])
            if page["next"] is None:
                return
            asked["after"] = page["next"]


def _detail(body: bytes) -> str:
    try:
        problem = json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace")
    errors = "; ".join(f"{each['pointer']} {each['detail']}" for each in problem.get("errors", ()))
    return f"{problem.get('detail', problem)} {errors}".rstrip()
