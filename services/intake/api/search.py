"""/v1/search/tickets: full text over tickets and what was said about them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import Response, g
from marshmallow import RAISE

from services.intake import search_answer
from services.intake.api import opaque_cursor
from services.intake.api.auth import requires
from services.intake.api.http import Parts, answer, blueprint, parts
from services.intake.api.seen import by_requester, require_filters, seen_hit
from shared.db.search import finding
from shared.db.search.document import Audience
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.role import STAFF, WITH_REQUESTERS
from shared.domain.search.fields import FIELDS, OWNER
from shared.domain.search.question import Filter, Question
from shared.schemas.search import SearchOrder, SearchPageSchema, SearchQuerySchema

_AFTER = "/query/after"

blp = blueprint("search", "Finding tickets.")


@blp.route("/search/tickets", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 422, 503), roles=WITH_REQUESTERS)
@blp.arguments(SearchQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, SearchPageSchema())
def search_tickets(query: Mapping[str, Any]) -> Response:
    """Find tickets by words in subject, description, comments, error messages and requester.

    Words are found in any inflection, English and Russian. Internal comments are searched for keys
    of agents, leads and admins only; a requester's key finds their own tickets. A change can be
    found about a second later.
    """
    question = _question(query)
    audience = Audience.STAFF if g.caller.role in STAFF else Audience.ALL
    page = _newest if query["sort"] is SearchOrder.NEWEST else _best
    app = parts()
    found, following, complete = page(app, question, audience, query)
    with app.database.reading() as connection:
        items = search_answer.documents(connection, found, question, audience)
    items = [{**item, "ticket": seen_hit(item["ticket"])} for item in items]
    return answer({"items": items, "next": following, "complete": complete})


_Page = tuple[list[tuple[str, float | None]], str | None, bool]


def _best(app: Parts, question: Question, audience: Audience, query: Mapping[str, Any]) -> _Page:
    kind, after, now = "search by relevance", None, app.now()
    if query["after"]:
        shape = (float, float, int)
        at, score, number = opaque_cursor.decode(kind, query["after"], _AFTER, shape)
        now, after = _moment(at), (score, number)
    ranked, more, complete = finding.by_relevance(
        app.database, question, audience, now, after, query["limit"]
    )
    following = None
    if more:
        last = ranked[-1]
        place = (now.timestamp(), last.score, last.hit.number)
        following = opaque_cursor.encode(kind, place)
    return [(each.hit.ticket_id, each.score) for each in ranked], following, complete


def _newest(app: Parts, question: Question, audience: Audience, query: Mapping[str, Any]) -> _Page:
    kind, before = "search by age", None
    if query["after"]:
        [before] = opaque_cursor.decode(kind, query["after"], _AFTER, (int,))
    hits, below = finding.by_age(app.database, question, audience, before, query["limit"])
    following = None if below is None else opaque_cursor.encode(kind, (below,))
    return [(hit.ticket_id, None) for hit in hits], following, below is None


def _question(query: Mapping[str, Any]) -> Question:
    question: Question = query["q"]
    more = tuple(Filter(name, query[name]) for name in FIELDS if name in query)
    require_filters(each.name for each in more)
    require_filters((each.name for each in question.filters), "/query/q")
    if by_requester():
        more += (Filter(OWNER, (g.caller.requester_id,)),)
    after, before = query.get("created_after"), query.get("created_before")
    return replace(
        question,
        filters=question.filters + more,
        since=max(filter(None, (question.since, after)), default=None),
        until=min(filter(None, (question.until, before)), default=None),
    )


def _moment(timestamp: float) -> datetime:
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (ValueError, OverflowError) as error:
        detail = "This is no cursor of the search; pass what it gave, unchanged."
        raise InvalidInput(detail, [FieldError(_AFTER, detail)]) from error
