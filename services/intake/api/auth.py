"""Who is calling, what they may do, and how often."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from hmac import compare_digest
from http import HTTPStatus
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from flask import current_app, g, request

from services.intake import repository
from services.intake.api.media_types import check_accept
from services.intake.api.preconditions import check_form
from services.intake.api.replays import idempotency_key
from services.intake.own_tickets import require_own
from services.intake.rate_limits import refusal
from shared.db.engine import Database, Row
from shared.domain.api_key import ALL, digest
from shared.domain.clock import Clock
from shared.domain.errors import Forbidden, Unauthenticated, Unavailable
from shared.domain.rate import RateClass
from shared.domain.role import STAFF, Role

#: A key that was revoked may still be accepted for this long; a look-up for every request would
#: cost more than the rest of it.
CACHE_S = 5.0
MAX_CACHED = 10_000

#: How exactly it is known when a key was used last: more often it is not written.
USE_NOTED_EVERY = timedelta(minutes=1)

#: Unknown keys that are looked up in a second. Beyond it nothing is looked up that this process
#: has not seen, so that a flood of made-up keys costs the database nothing.
UNKNOWN_PER_S = 20

_READING = frozenset({"GET", "HEAD"})

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that was accepted."""

    key_id: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked: bool
    limits: Mapping[RateClass, int]
    role: Role = Role.ADMIN
    #: Whose tickets a key of the role requester is for.
    requester_id: str | None = None


class Authenticator:
    """Finds the caller of a request by its bearer token (RFC 6750)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: dict[str, tuple[float, Caller]] = {}
        self._unknown: dict[str, float] = {}
        self._counting_since, self._unknown_count = 0.0, 0

    def authenticate(self, header: str | None) -> Caller:
        """Return the caller; raises Unauthenticated with the way out."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = (
                "Send an API key: Authorization: Bearer pbk_…; make one by: patchbay keys create"
            )
            raise Unauthenticated(message)
        caller = self._find(digest(token.strip()))
        if caller is None:
            message = "This API key is not known."
            raise Unauthenticated(message)
        if caller.revoked:
            message = "This API key was revoked."
            raise Unauthenticated(message)
        if caller.expires_at is not None and caller.expires_at <= self._clock.now():
            message = "This API key has expired."
            raise Unauthenticated(message)
        return caller

    def _find(self, token_digest: str) -> Caller | None:
        found, now = self._cache.get(token_digest), monotonic()
        if found is not None and found[0] > now:
            return found[1]
        if found is None and not self._worth_a_look(token_digest, now):
            return None
        with self._database.reading() as connection:
            row = repository.key_by_digest(connection, token_digest)
        if row is None:
            self._remember_unknown(token_digest, now)
            return None
        caller = _caller(row, token_digest)
        self._note_use(caller, row["last_used_at"])
        with self._lock:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            self._cache[token_digest] = (monotonic() + CACHE_S, caller)
        return caller

    def _note_use(self, caller: Caller, last: datetime | None) -> None:
        now = self._clock.now()
        over = caller.expires_at is not None and caller.expires_at <= now
        if caller.revoked or over or (last is not None and now < last + USE_NOTED_EVERY):
            return
        # Not worth failing the request for.
        with suppress(Unavailable), self._database.transaction() as tx:
            repository.note_use(tx, caller.key_id, now, now - USE_NOTED_EVERY)

    def _worth_a_look(self, token_digest: str, now: float) -> bool:
        """Tell whether a key that is not known here may be; raises Unavailable in a flood."""
        if self._unknown.get(token_digest, 0.0) > now:
            return False
        if now - self._counting_since > 1.0:
            self._counting_since, self._unknown_count = now, 0
        if self._unknown_count >= UNKNOWN_PER_S:
            message = (
                "Many unknown API keys are being tried, so keys not seen lately have to wait; "
                "repeat the request."
            )
            raise Unavailable(message)
        return True

    def _remember_unknown(self, token_digest: str, now: float) -> None:
        with self._lock:
            self._unknown_count += 1
            if len(self._unknown) >= MAX_CACHED:
                self._unknown.clear()
            self._unknown[token_digest] = now + CACHE_S


def _caller(row: Row, token_digest: str) -> Caller:
    """Return whom a row stands for, when asked for by one of its two tokens."""
    ends = [row["expires_at"]]
    if not compare_digest(row["digest"], token_digest):
        ends.append(row["previous_until"])
    return Caller(
        row["id"],
        row["name"],
        frozenset(row["scopes"]),
        min((end for end in ends if end is not None), default=None),
        row["revoked_at"] is not None,
        {each: row[f"{each}_limit"] for each in RateClass if row[f"{each}_limit"] is not None},
        row["role"],
        row["requester_id"],
    )


def requires(
    scope: str | None,
    *,
    problems: Sequence[int],
    rate_class: RateClass | None = None,
    roles: frozenset[Role] = STAFF,
    answers: str = "",
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only callers with the scope into a view, or any; the caller is `g.caller` inside.

    The request counts as of `rate_class`; left out, GET and HEAD read, everything else writes.
    `roles` are those who may come in: the desk, unless a view is made for others too. A requester
    finds only tickets of their own behind a path; what a view takes from the body or a query it
    has to bound itself.
    `answers` is a media type that the view answers with beside JSON.

    Documents the key, and the statuses of the problems that the operation may answer with. This is
    the one wrapper of ours around a view: each further decorator costs every request its share.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            check_accept(request, answers)
            app = current_app.extensions["patchbay"]
            caller: Caller = app.authenticator.authenticate(request.headers.get("Authorization"))
            counted = rate_class or (
                RateClass.READ if request.method in _READING else RateClass.WRITE
            )
            quota = app.rate_limits.take(caller.key_id, counted, caller.limits)
            if quota is not None:
                g.rate_headers = quota.headers
                if quota.exceeded:
                    raise refusal(quota)
            if scope is not None and caller.scopes.isdisjoint((scope, ALL)):
                message = f"This API key lacks the scope {scope}."
                raise Forbidden(message, scope=scope)
            check_form()
            if request.method not in _READING:
                idempotency_key()  # Refuses one that is none, whoever looks at it later.
            _require_role(app.database, caller, roles)
            g.caller = caller
            return view(*args, **kwargs)

        documented = {
            **getattr(view, "_apidoc", {}),
            "manual_doc": {
                "security": [{"key": [] if scope is None else [scope]}],
                "responses": {
                    str(status): problem_response(status) for status in (*problems, 406, 429)
                },
            },
        }
        guarded._apidoc = documented  # type: ignore[attr-defined] # noqa: SLF001 -- smorest's hook
        return guarded

    return decorate


def _require_role(database: Database, caller: Caller, roles: frozenset[Role]) -> None:
    """Raise Forbidden for a role that the view is not for, NotFound for what is not theirs."""
    if caller.role not in roles:
        names = sorted(role.value for role in roles)
        message = f"This is for the role {' or '.join(names)}; the API key is {caller.role.value}."
        raise Forbidden(message, role=caller.role.value, roles=names)
    if caller.role is Role.REQUESTER:
        if caller.requester_id is None:
            message = (
                "This API key is of no requester; make one by: "
                "patchbay keys create --role requester --requester rqr_…"
            )
            raise Forbidden(message)
        require_own(database, caller.requester_id, request.view_args or {})


def problem_response(status: int) -> dict[str, Any]:
    """Return the description of an answer that is a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": schema}},
    }
