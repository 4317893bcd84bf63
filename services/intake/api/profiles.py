"""/v1/routing/profiles: strategies that teams name."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import PageQuerySchema, answer, blueprint, body, page, parts
from shared.db import ticket_changes
from shared.domain.errors import Conflict, FieldError, InvalidInput
from shared.domain.work import ListName
from shared.plugins import PluginKind, installed, refused_options
from shared.schemas.base import SLUG_PATTERN
from shared.schemas.profile import (
    DEFAULT_DOCUMENT,
    ProfileSchema,
    StoredProfilePageSchema,
    StoredProfileSchema,
)

blp = blueprint("profiles", "How tickets are matched: filters, scorers, a matcher, an order.")

#: A name in a path that people choose.
NAMED = [
    {
        "in": "path",
        "name": "name",
        "required": True,
        "schema": {"type": "string", "pattern": SLUG_PATTERN.removesuffix(r"\Z") + "$"},
    }
]

_schema = StoredProfileSchema()


@blp.route("/routing/profiles", methods=["GET"])
@requires("routing:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, StoredProfilePageSchema())
def list_profiles(query: Mapping[str, Any]) -> Response:
    """List profiles."""
    with parts().database.reading() as connection:
        rows = repository.listing(
            connection, repository.PROFILES, query["after"], query["limit"] + 1
        )
    return page(_schema, [_document(row) for row in rows], "name", query["limit"])


@blp.route("/routing/profiles/<name>", methods=["GET"], parameters=NAMED)
@requires("routing:read", problems=(401, 403, 404, 503))
@blp.response(200, StoredProfileSchema())
def get_profile(name: str) -> Response:
    """Read a profile, with everything filled in that it leaves to the default."""
    with parts().database.reading() as connection:
        row = repository.one(connection, repository.PROFILES, name, "profile")
    return answer(_schema.dump(_document(row)))


@blp.route("/routing/profiles/<name>", methods=["PUT"], parameters=NAMED)
@requires("routing:write", problems=(400, 401, 403, 413, 415, 422, 503))
@body(ProfileSchema())
@blp.response(200, StoredProfileSchema())
def put_profile(content: Mapping[str, Any], name: str) -> Response:
    """Make a profile or replace it whole; the teams that name it go by it from the next ticket on.

    Tickets that wait are routed again.
    A plugin that is not installed here is refused.
    """
    require_name(name)
    _require_plugins(content)
    with change() as unit:
        now = parts().now()
        repository.put_profile(unit.tx, name, dict(content), now)
        ticket_changes.look_at_waiting(unit.tx, now)
        unit.ring(ListName.WAKING)
        row = repository.one(unit.tx.flushed(), repository.PROFILES, name, "profile")
        return unit.answer(_schema.dump(_document(row)))


@blp.route("/routing/profiles/<name>", methods=["DELETE"], parameters=NAMED)
@requires("routing:write", problems=(401, 403, 404, 409, 503))
@blp.response(204)
def delete_profile(name: str) -> Response:
    """Delete a profile that no team names."""
    with change() as unit:
        teams = repository.teams_of_profile(unit.tx, name)
        if teams or name == "default":
            users = ", ".join(teams) or "every team that names none"
            raise Conflict(f"The profile {name!r} is used by {users}.")
        repository.delete_profile(unit.tx, name)
        return unit.answer(None, 204)


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, **DEFAULT_DOCUMENT, **row["document"]}


def require_name(name: str) -> None:
    """Raise InvalidInput if a name that people choose in a path is none."""
    if not re.match(SLUG_PATTERN, name):
        detail = "Use 1 to 63 characters: lower-case letters, digits, and . _ - inside."
        raise InvalidInput(detail, [FieldError("/name", detail)])


def _require_plugins(content: Mapping[str, Any]) -> None:
    given = [
        *(
            (PluginKind.FILTER, f"/filters/{i}", n)
            for i, n in enumerate(content.get("filters", ()))
        ),
        *((PluginKind.SCORER, f"/scorers/{n}", n) for n in content.get("scorers", ())),
        *((PluginKind.MATCHER, "/matcher", n) for n in (content.get("matcher"),) if n),
        *((PluginKind.ORDER, "/order", n) for n in (content.get("order"),) if n),
    ]
    errors = [
        FieldError(pointer, f"There is no {kind} {name!r}; there are {', '.join(installed(kind))}.")
        for kind, pointer, name in given
        if name not in installed(kind)
    ]
    errors += _refused_options({**DEFAULT_DOCUMENT, **content})
    if errors:
        raise InvalidInput("The profile names plugins or options that there are not.", errors)


def _refused_options(document: Mapping[str, Any]) -> Iterator[FieldError]:
    used = {
        PluginKind.FILTER: frozenset(document["filters"]),
        PluginKind.SCORER: frozenset(document["scorers"]),
        PluginKind.MATCHER: frozenset({document["matcher"]}),
        PluginKind.ORDER: frozenset({document["order"]}),
    }
    for name, options in document["options"].items():
        kinds = [kind for kind, names in used.items() if name in names]
        if not kinds:
            yield FieldError(f"/options/{name}", f"The profile uses no plugin {name!r}.")
        for kind in kinds:
            plugin = installed(kind).get(name)
            why = plugin and refused_options(plugin, options)
            if why:
                yield FieldError(f"/options/{name}", f"The {kind} does not take this: {why}.")
