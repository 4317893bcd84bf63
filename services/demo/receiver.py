"""A webhook receiver as a subscriber would write it: verify, note, answer at once.

It checks signatures by the specification, not by Patchbay's own code, so that a mistake there
cannot agree with itself: https://github.com/standard-webhooks/standard-webhooks
"""

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import web

from services.demo.ledger import Ledger

#: How old a message may be, in seconds; the specification leaves the bound to the receiver.
TOLERANCE_S = 300

_OK, _FORGED = 204, 401


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Tell whether a message was signed with the secret, a moment ago."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    entries = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(expected, entry) for entry in entries)


class Receiver:
    """Listens on a free port of this machine and enters what comes into the ledger."""

    def __init__(self, ledger: Ledger, on_event: Callable[[Mapping[str, Any]], None]) -> None:
        self._ledger = ledger
        self._on_event = on_event
        self._secret = ""
        self._runner = web.ServerRunner(web.Server(self._answer))
        self.url = ""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/events"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    def trust(self, secret: str) -> None:
        """Accept messages that are signed with this secret."""
        self._secret = secret

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body, now = await request.read(), time.time()
        if not is_genuine(self._secret, request.headers, body, now):
            self._ledger.forged += 1
            return web.Response(status=_FORGED)
        event = orjson.loads(body)
        if self._ledger.receive(event, now):
            self._on_event(event)
        return web.Response(status=_OK)
