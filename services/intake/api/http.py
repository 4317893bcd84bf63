"""What views share: the parts of the application, bodies, versions, pages."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import orjson
from flask import Response, current_app, g, request
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from services.intake.api.auth import Authenticator
from services.intake.api.cursor import Cursor, encode
from services.intake.api.files import Files
from services.intake.group_commit import GroupCommitter
from services.intake.reference import ReferenceData
from shared.db.engine import Database
from shared.db.signing_keys import SigningKeys
from shared.db.ticket_changes import Asked
from shared.db.types import dump_json
from shared.domain.address_guard import AddressGuard
from shared.domain.clock import Clock
from shared.domain.errors import MalformedRequest, VersionMismatch
from shared.domain.lifecycle import LifeRules
from shared.domain.work import ListName
from shared.schemas.base import StrictSchema
from shared.schemas.refusal import refused_fields

#: Rows of a page unless told otherwise, and at the most.
DEFAULT_LIMIT, MAX_LIMIT = 50, 200

#: The media type of iCalendar (RFC 5545 §8.1).
ICALENDAR = "text/calendar"

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
    guard: AddressGuard
    rules: LifeRules
    signing: SigningKeys
    files: Files

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


def body(schema: Schema) -> Callable[[Callable[P, R]], Callable[..., R]]:
    """Read the JSON body by a schema and hand it to the view as its first argument.

    In place of flask-smorest's `arguments`, which takes more steps on the path of every ticket and
    does not say where JSON is broken. The document as it came is `g.body`.
    """

    def decorate(view: Callable[P, R]) -> Callable[..., R]:
        @wraps(view)
        def with_body(*args: P.args, **kwargs: P.kwargs) -> R:
            return view(load_body(schema), *args, **kwargs)

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
            text = request.get_data().decode()
        except UnicodeDecodeError as error:
            message = f"The body is not UTF-8: {error}."
            raise MalformedRequest(message) from error
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


def load_body(schema: Schema) -> Any:
    """Return what a schema loads of the JSON body; raises MalformedRequest or InvalidInput."""
    try:
        g.body = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        message = f"The body is not JSON: {error}."
        raise MalformedRequest(message) from error
    try:
        return schema.load(g.body)
    except ValidationError as error:
        raise refused_fields(error.messages) from error


def answer(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a document that is already in wire form."""
    return Response(
        dump_json(document), status, headers=dict(headers or {}), content_type="application/json"
    )


def page(schema: Schema, rows: Sequence[Mapping[str, Any]], key: str, limit: int) -> Response:
    """Return one page of a list; `rows` hold one more than the page if there is a next one."""
    shown = rows[:limit]
    following = encode(shown[-1][key]) if len(rows) > limit else None
    return answer({"items": [schema.dump(row) for row in shown], "next": following})


def etag(version: int) -> str:
    """Return a version as an entity tag (RFC 9110 §8.8.3)."""
    return f'"{version}"'


def check_version(version: int, noun: str = "ticket") -> None:
    """Raise VersionMismatch if the request has an If-Match that is another version's."""
    wanted = request.headers.get("If-Match")
    if wanted and wanted.strip() not in ("*", etag(version)):
        message = f"The {noun} is at version {version} now; read it again and repeat the change."
        raise VersionMismatch(message, version=version)
