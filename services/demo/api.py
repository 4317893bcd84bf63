"""The API as a client sees it: bearer key, JSON, and patience when it is told to come again."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any

import aiohttp
import orjson

#: How long one request is tried again when the service cannot be reached or answers 503.
PATIENCE_S = 20.0
FIRST_REST_S, LONGEST_REST_S = 0.1, 2.0


class CallFailed(Exception):
    """A request did not do what it was for."""


class Unanswered(CallFailed):
    """Nobody answered, for as long as patience lasts."""


class Refused(CallFailed):
    """The API answered with a problem; `status` says of which kind."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        broken = "; ".join(f"{e['pointer']} {e['detail']}" for e in problem.get("errors", ()))
        detail = problem.get("detail", "no detail")
        super().__init__(f"{method} {path}: {status}, {detail} {broken}".rstrip())
        self.status = status


class Api:
    """Calls the API; safe for many tasks at once."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str, key: str) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a request until it is answered, and return the document.

        What is sent must bear being sent twice. Raises Refused for an answer of 400 or above (503
        only when it lasts), and Unanswered when nobody answered for PATIENCE_S.
        """
        deadline, rest_s = monotonic() + PATIENCE_S, FIRST_REST_S
        while True:
            try:
                return await self._once(method, path, body, headers)
            except Refused as refusal:
                if refusal.status != HTTPStatus.SERVICE_UNAVAILABLE or monotonic() > deadline:
                    raise
            except (aiohttp.ClientError, TimeoutError) as error:
                if monotonic() > deadline:
                    message = f"{method} {path}: no answer ({error!r})"
                    raise Unanswered(message) from error
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, LONGEST_REST_S)

    async def _once(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None
    ) -> dict[str, Any]:
        request = self._http.request(
            method,
            self._base_url + path,
            data=orjson.dumps(body),
            headers={**self._headers, **(headers or {})},
        )
        async with request as answer:
            content = await answer.read()
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise Refused(method, path, answer.status, _problem(content))
            document: dict[str, Any] = orjson.loads(content)
            return document


def _problem(content: bytes) -> dict[str, Any]:
    try:
        problem = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return problem if isinstance(problem, dict) else {}
