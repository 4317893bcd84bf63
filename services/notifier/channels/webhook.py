"""Signed webhooks over HTTP: one POST, one outcome.

Whoever owns the endpoint may be slow, broken or hostile, so every request has one deadline from
the first look-up to the last byte of the answer, reads a bounded answer without unpacking it,
follows nothing and remembers nothing. One session serves all endpoints, because a connection that
is already open saves the receiver and us most of the work.

A refused destination is a temporary failure: a wrong DNS answer or a network missing in the
operator's settings can be put right, the event must not be lost over it, and an attempt that is
refused again costs nothing, since no packet leaves before the guard has agreed. A name that could
not be looked up for want of a thread is no failure at all: nothing was tried.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random, SystemRandom

import aiohttp
import structlog
from yarl import URL

from services.notifier.channels.base import Outcome, Postponed, TemporaryFailure
from services.notifier.channels.custom_headers import permitted
from services.notifier.channels.guarded_dial import (
    CURRENT_EXCHANGE,
    Exchange,
    GuardedResolver,
    open_session,
)
from services.notifier.channels.http_answer import outcome_of
from services.notifier.channels.http_fault import (
    before_any_answer,
    describe,
    explain,
    out_of_files,
    refusal_behind,
)
from services.notifier.channels.name_lookups import NameLookups
from services.notifier.channels.stalls import Stalls
from shared.domain.address_guard import AddressGuard, ForbiddenAddress
from shared.domain.clock import Clock
from shared.domain.webhook_signature import signature_headers

log = structlog.get_logger()

#: How much of an answer is read before the connection is dropped, in bytes.
MAX_ANSWER_BYTES = 64 * 1024
#: How long the answer of a name server is waited for, and a thread to ask it in, in seconds.
RESOLVE_BUDGET_S = 5.0
#: When what this process could not try is tried again: between these, in seconds.
PUT_OFF_S = (10.0, 30.0)
CROWDED = "put off: too many host names wait for their name servers"
NO_FILES = "put off: this notifier may open no more connections"
_VETTED_URLS = 10_000


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One message for one endpoint.

    `body` is JSON exactly as it is signed and sent, `secrets` are those in force (two while one is
    rotated), `headers` the subscriber's own; reserved names among them are left out.
    """

    url: str
    message_id: str
    body: bytes
    secrets: tuple[str, ...]
    headers: Mapping[str, str]
    content_type: str = "application/json"
    #: Where in a trace this request is; not signed, for proxies on the way may change it.
    traceparent: str | None = None


@dataclass(slots=True)
class _Answer:
    """As much of the answer as has arrived; it outlives the deadline that cuts it."""

    response: aiohttp.ClientResponse | None = None
    body: bytes = b""
    remark: str = ""


class WebhookChannel:
    """Sends webhooks from inside one event loop, as many at a time as the caller starts.

    `timeout_s` bounds the whole exchange. `tls` replaces the system's certificate authorities; it
    has to verify. The session is opened by the first `send` in the loop that runs it.
    """

    def __init__(
        self,
        guard: AddressGuard,
        clock: Clock,
        *,
        version: str,
        timeout_s: float = 15.0,
        tls: ssl.SSLContext | None = None,
        rng: Random | None = None,
    ) -> None:
        self._guard = guard
        self._rng = rng or SystemRandom()
        self._clock = clock
        self._timeout_s = timeout_s
        self._tls = tls
        self._headers = {
            "User-Agent": f"Patchbay/{version}",
            "Accept-Encoding": "identity",
        }
        self._urls: dict[str, URL] = {}
        self._resolver: GuardedResolver | None = None
        self._session: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._stalls: Stalls | None = None

    async def send(self, request: WebhookRequest) -> Outcome:
        """Post one message; every fault is an outcome, only cancellation is raised."""
        clock = asyncio.get_running_loop().time
        started = clock()
        answer, exchange = _Answer(), Exchange(plain_http=False)
        failure, detail, put_off = "", None, None
        token = CURRENT_EXCHANGE.set(exchange)
        try:
            url = self._vetted(request.url)
            exchange.plain_http = url.scheme == "http"
            timestamp = int(self._clock.now().timestamp())
            headers = signature_headers(
                request.secrets, request.message_id, timestamp, request.body
            )
            headers["Content-Type"] = request.content_type
            if request.headers:
                headers = permitted(request.headers) | headers
            if request.traceparent is not None:
                headers["traceparent"] = request.traceparent
            # The first one reads the certificate authorities, which is no time of the receiver's.
            self._sessions()
            async with asyncio.timeout(self._timeout_s) as exchange.deadline:
                await self._exchange(url, headers, request.body, answer)
        except TimeoutError:
            failure = answer.remark = f"no complete answer within {self._timeout_s:g} s"
        except ForbiddenAddress as refusal:
            failure, detail = _refused(request, refusal), refusal.reason
        except (aiohttp.ClientError, OSError) as fault:
            refused = refusal_behind(fault)
            failure = answer.remark = _refused(request, refused) if refused else describe(fault)
            detail = refused.reason if refused else explain(fault)
            put_off = NO_FILES if out_of_files(fault) else None
        except ValueError as fault:
            failure = f"the request cannot be built: {fault}"
        finally:
            CURRENT_EXCHANGE.reset(token)
            if answer.response is not None and not answer.response.closed:
                # Cut short: what is left on the wire must not meet the next request.
                answer.response.close()
        duration_s = clock() - started
        duration_ms = int(duration_s * 1000)
        if exchange.queued:
            put_off = CROWDED
        if put_off is not None:
            # What this process lacks is no failure of the receiver's.
            rest = timedelta(seconds=self._rng.uniform(*PUT_OFF_S))
            return Postponed(self._clock.now() + rest, put_off, duration_ms=duration_ms)
        if answer.response is None:
            lost_s = self._stalls.lost_since(started) if self._stalls else 0.0
            # Whoever had less than half of the time did not fail.
            ours = lost_s > duration_s / 2
            failure += f", while this notifier stood still for {lost_s:.1f} s" if ours else ""
            return TemporaryFailure(
                failure, duration_ms=duration_ms, operator_detail=detail, ours=ours
            )
        # The status line is the receiver's word: a body cut short does not take it back.
        remark = f", {answer.remark}" if answer.remark else ""
        response = answer.response
        return outcome_of(
            response.status, response.headers, answer.body, duration_ms, self._clock.now(), remark
        )

    async def close(self) -> None:
        """Close the connections; the channel is not used afterwards."""
        if self._stalls is not None:
            self._stalls.stop()
        for session in (self._session, self._fresh):
            if session is not None:
                await session.close()
        if self._resolver is not None:
            await self._resolver.close()

    async def _exchange(
        self, url: URL, headers: Mapping[str, str], body: bytes, answer: _Answer
    ) -> None:
        pooled, fresh = self._sessions()
        data = aiohttp.BytesPayload(body)
        try:
            response = await pooled.post(url, data=data, headers=headers, allow_redirects=False)
        except aiohttp.ClientConnectorError:
            # There was no connection yet, such as for want of an address.
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as fault:
            if CURRENT_EXCHANGE.get().dialled or not before_any_answer(fault):
                raise
            # The receiver had closed an idle connection while our request was on its way. The
            # retry gets a connection of its own: the others in the pool may be as dead.
            response = await fresh.post(url, data=data, headers=headers, allow_redirects=False)
        answer.response = response
        content = response.content
        left = MAX_ANSWER_BYTES
        while not content.at_eof():
            if left <= 0:
                answer.remark = f"answer cut at {MAX_ANSWER_BYTES} bytes"
                return
            chunk = await content.read(left)
            left -= len(chunk)
            answer.body = answer.body + chunk if answer.body else chunk

    def _sessions(self) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        if self._session is None or self._fresh is None:
            self._session, self._fresh = self._open()
        return self._session, self._fresh

    def _open(self) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        tls = self._tls or ssl.create_default_context()
        self._resolver = GuardedResolver(self._guard, NameLookups(RESOLVE_BUDGET_S))
        pooled, fresh = (
            open_session(self._guard, self._resolver, tls, self._headers, reuse=reuse)
            for reuse in (True, False)
        )
        self._stalls = Stalls()
        return pooled, fresh

    def _vetted(self, url: str) -> URL:
        """Parse and vet a URL once; the verdict only depends on the URL and the settings."""
        vetted = self._urls.get(url)
        if vetted is None:
            self._guard.vet_url(url)
            if len(self._urls) >= _VETTED_URLS:
                self._urls.clear()
            vetted = self._urls[url] = URL(url)
        return vetted


def _refused(request: WebhookRequest, refusal: ForbiddenAddress) -> str:
    # Not the whole URL: its path and query often hold the receiver's token.
    host = request.url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    log.warning("webhook.refused", message_id=request.message_id, host=host, reason=refusal.reason)
    return refusal.public_reason
