"""/v1/events: everything that happens, as pages and as a stream."""

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from marshmallow import RAISE

from services.intake import event_stream
from services.intake.api import opaque_cursor
from services.intake.api.auth import requires
from services.intake.api.http import MAX_LIMIT, Parts, answer, blueprint, parts
from shared.db import feed
from shared.db.feed import BEGINNING, FeedEvent, Position
from shared.db.types import load_json
from shared.schemas.feed import FeedFilterSchema, FeedPageSchema, feed_query

#: As `after`: behind everything that happened so far.
LATEST = "latest"
_KIND = "event feed"

blp = blueprint("events", "Everything that happens, in one order without gaps.")


@blp.route("/events", methods=["GET"])
@requires("events:read", problems=(401, 403, 422, 503))
@blp.arguments(feed_query(MAX_LIMIT, MAX_LIMIT), location="query", unknown=RAISE)
@blp.response(200, FeedPageSchema())
def list_events(query: Mapping[str, Any]) -> Response:
    """Read what happened, in order, each event once and none left out.

    Keep `next` and pass it as `after`; what happens later comes behind it.
    """
    app = parts()
    after = _position(app, query["after"], "/query/after")
    with app.database.reading() as connection:
        page = feed.read(
            connection,
            app.database.dialect,
            after,
            query["limit"],
            types=query.get("type", ()),
            ticket_id=query["ticket_id"],
        )
    items = [load_json(event.body) for event in page.events]
    return answer({"items": items, "next": _cursor(page.end), "more": page.more})


@blp.route("/events/stream", methods=["GET"])
@requires("events:read", problems=(401, 403, 422, 503), answers="text/event-stream")
@blp.arguments(FeedFilterSchema(), location="query", unknown=RAISE)
@blp.response(
    200,
    {"type": "string"},
    content_type="text/event-stream",
    description="Server-sent events: `event` is the type, `data` the event, `id` the cursor.",
)
def stream_events(query: Mapping[str, Any]) -> Response:
    """Be told what happens as it happens (server-sent events).

    Begins behind `Last-Event-ID`, else behind `after`, else now. A stream ends after a while;
    clients connect again by themselves and go on where they were. 503 when this process has no
    room for another stream.
    """
    app = parts()
    known = request.headers.get("Last-Event-ID")
    if known:
        start = _position(app, known, "/headers/Last-Event-ID")
    else:
        start = _position(app, query["after"] or LATEST, "/query/after")
    authenticate, header = app.authenticator.authenticate, request.headers.get("Authorization")
    sent = event_stream.frames(
        app.streams,
        start,
        _chosen(query.get("type", frozenset()), query["ticket_id"]),
        _cursor,
        lambda: authenticate(header),
        app.stream_max_s,
    )
    # The first frame takes the place of a stream: if there is none, that is still a 503.
    first = next(sent)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = event_stream.Stream(first, sent)
    return Response(stream, headers=headers, content_type="text/event-stream; charset=utf-8")


def _position(app: Parts, text: str, pointer: str) -> Position:
    if text == LATEST:
        with app.database.reading() as connection:
            return feed.latest(connection, app.database.dialect)
    if not text:
        return BEGINNING
    key, ticket_id, sequence = opaque_cursor.decode(_KIND, text, pointer, (int, str, int))
    return Position(key, ticket_id, sequence)


def _cursor(position: Position) -> str:
    return opaque_cursor.encode(_KIND, (position.key, position.ticket_id, position.sequence))


def _chosen(types: frozenset[str], ticket_id: str | None) -> Any:
    def wanted(event: FeedEvent) -> bool:
        return (not types or event.type in types) and (
            ticket_id is None or event.position.ticket_id == ticket_id
        )

    return wanted
