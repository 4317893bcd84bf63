"""What views share: the parts of the application, bodies, answers, pages."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Response, current_app, g, request
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from services.intake.api.auth import Authenticator
from services.intake.api.bodies import read_body
from services.intake.api.cursor import Cursor, encode
from services.intake.api.files import Files
from services.intake.api.media_types import ICALENDAR, MESSAGE
from services.intake.api.replays import replay_if_known
from services.intake.api.webhook_destinations import WebhookDestinations
from services.intake.bulk.desk import BulkDesk
from services.intake.group_commit import GroupCommitter
from services.intake.rate_limits import RateLimits
from services.intake.reference import ReferenceData
from services.intake.slow_bodies import SlowBodies
from services.intake.stream_hub import StreamHub
from shared.db.engine import Database
from shared.db.signing_keys import SigningKeys
from shared.db.ticket_changes import Asked
from shared.db.types import dump_json
from shared.domain.clock import Clock
from shared.domain.errors import MalformedRequest
from shared.domain.lifecycle import LifeRules
from shared.domain.work import ListName
from shared.schemas.base import StrictSchema
from shared.schemas.plain_load import plain_load
from shared.schemas.refusal import refused_fields
from shared.schemas.strict_json import parse_json
from shared.settings import Network

#: Rows of a page unless told otherwise, and at the most.
DEFAULT_LIMIT, MAX_LIMIT = 50, 200

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the bootstrap hands to the views."""

    database: Database
    clock: Clock
    ring: Callable[[ListName], None]
    committer: GroupCommitter
    authenticator: Authenticator
    reference: ReferenceData
    destinations: WebhookDestinations
    rules: LifeRules
    streams: StreamHub
    stream_max_s: float
    signing: SigningKeys
    files: Files
    slow_bodies: SlowBodies
    rate_limits: RateLimits
    idempotency_ttl: timedelta
    #: For how long deliveries are known; without end if it is None.
    delivery_retention: timedelta | None
    bulk: BulkDesk
    #: Networks of proxies that are believed where a request comes from.
    trusted_proxies: tuple[Network, ...]

    def now(self) -> datetime:
        """Return the present moment."""
        return self.clock.now()


class PageQuerySchema(StrictSchema):
    """Which page of a list."""

    after = Cursor(
        load_default="", metadata={"type": "string", "description": "`next` of the last page."}
    )
    limit = fields.Integer(
        load_default=DEFAULT_LIMIT, validate=validate.Range(min=1, max=MAX_LIMIT)
    )


def parts() -> Parts:
    """Return the parts of the running application."""
    found: Parts = current_app.extensions["patchbay"]
    return found


def actor() -> str:
    """Return who is calling, as events name them."""
    return f"key:{g.caller.key_id}"


def asked(reason: str | None = None) -> Asked:
    """Return who asks for a change, as changes of tickets note it."""
    return Asked(actor(), g.request_id, reason, g.caller.role)


def blueprint(name: str, description: str) -> Blueprint:
    """Return a blueprint of /v1."""
    return Blueprint(name, name, url_prefix="/v1", description=description)


def body(schema: Schema, *, replays: bool = True) -> Callable[[Callable[P, R]], Callable[..., R]]:
    """Read the JSON body by a schema and hand it to the view as its first argument.

    With `replays`, a request whose Idempotency-Key has an answer gets it before the view begins.

    In place of flask-smorest's `arguments`, which takes more steps on the path of every ticket and
    does not say where JSON is broken. The document as it came is `g.body`.
    """
    load = plain_load(schema)

    def decorate(view: Callable[P, R]) -> Callable[..., R]:
        @wraps(view)
        def with_body(*args: P.args, **kwargs: P.kwargs) -> R:
            content = load_body(load)
            if replays and "Idempotency-Key" in request.headers:
                replay_if_known()
            return view(content, *args, **kwargs)

        documented = deepcopy(getattr(view, "_apidoc", {}))
        parameters = documented.setdefault("arguments", {}).setdefault("parameters", [])
        parameters.append({"in": "json", "required": True, "schema": schema})
        with_body._apidoc = documented  # type: ignore[attr-defined] # noqa: SLF001 -- smorest's hook
        return with_body

    return decorate


def icalendar_body(view: Callable[..., R]) -> Callable[..., R]:
    """Hand the text of an iCalendar body to the view as its first argument.

    `services.intake.api.requests` lets this media type through, and no other, to a view that has
    the mark. RFC 5545 §3.1.4: the text is UTF-8 unless it says otherwise; here it must be.
    """

    @wraps(view)
    def with_text(*args: Any, **kwargs: Any) -> R:
        try:
            g.body = read_body()
            text = g.body.decode()
        except UnicodeDecodeError as error:
            message = f"The body is not UTF-8: {error}."
            raise MalformedRequest(message) from error
        if "Idempotency-Key" in request.headers:
            replay_if_known()
        return view(text, *args, **kwargs)

    documented = deepcopy(getattr(view, "_apidoc", {}))
    parameters = documented.setdefault("arguments", {}).setdefault("parameters", [])
    described = {"type": "string", "description": "An iCalendar file (RFC 5545), UTF-8."}
    parameters.append(
        {"in": "json", "required": True, "content_type": ICALENDAR, "schema": described}
    )
    with_text._apidoc = documented  # type: ignore[attr-defined] # noqa: SLF001 -- smorest's hook
    with_text.media_type = ICALENDAR  # type: ignore[attr-defined]
    return with_text


def message_body(view: Callable[..., R]) -> Callable[..., R]:
    """Hand the bytes of a mail (message/rfc822) to the view as its first argument."""

    @wraps(view)
    def with_message(*args: Any, **kwargs: Any) -> R:
        g.body = read_body()
        if "Idempotency-Key" in request.headers:
            replay_if_known()
        return view(g.body, *args, **kwargs)

    documented = deepcopy(getattr(view, "_apidoc", {}))
    parameters = documented.setdefault("arguments", {}).setdefault("parameters", [])
    described = {"type": "string", "description": "A message (RFC 5322), as it came."}
    parameters.append(
        {"in": "json", "required": True, "content_type": MESSAGE, "schema": described}
    )
    with_message._apidoc = documented  # type: ignore[attr-defined] # noqa: SLF001 -- smorest's hook
    with_message.media_type = MESSAGE  # type: ignore[attr-defined]
    return with_message


def load_body(load: Callable[[Any], Any]) -> Any:
    """Return what `load` of a schema makes of the JSON body.

    Raises MalformedRequest or InvalidInput.
    """
    g.body = parse_json(read_body())
    try:
        return load(g.body)
    except ValidationError as error:
        raise refused_fields(error.messages) from error


def answer(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a document that is already in wire form."""
    return Response(
        dump_json(document), status, headers=dict(headers or {}), content_type="application/json"
    )


def page(
    schema: Schema,
    rows: Sequence[Mapping[str, Any]],
    key: str,
    limit: int,
    seen: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda document: document,
) -> Response:
    """Return one page of a list; `rows` hold one more than the page if there is a next one.

    `seen` leaves of each document what the caller may see.
    """
    shown = rows[:limit]
    following = encode(shown[-1][key]) if len(rows) > limit else None
    return answer({"items": [seen(schema.dump(row)) for row in shown], "next": following})
