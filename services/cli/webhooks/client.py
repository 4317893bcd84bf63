"""The API as the commands call it, once: what is refused is said as the API says it."""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from services.cli.desk_connection import CallFailed, DeskConnection

TIMEOUT_S = 60.0


class DeskClient:
    """Calls one desk with one key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._desk = DeskConnection(url, key, TIMEOUT_S)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request; return the document of its answer, if it has one. Raises CallFailed."""
        headers = {"Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        try:
            with self._desk.asked(method, path, headers, text) as answer:
                content = answer.read()
                return json.loads(content) if content else None
        except (OSError, http.client.HTTPException) as error:
            message = f"No answer from {self._url}: {error}. Is --url (PATCHBAY_API_URL) right?"
            raise CallFailed(message) from error

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
