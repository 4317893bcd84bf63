"""/v1/webhooks/event-types: what there is to subscribe to."""

from flask import Response

from services.intake.api.auth import requires
from services.intake.api.http import answer, blueprint
from services.intake.event_catalogue import catalogue
from shared.domain.errors import NotFound
from shared.schemas.event_type import EventTypeSchema, EventTypesSchema

blp = blueprint("event types", "What there is to subscribe to.")


@blp.route("/webhooks/event-types", methods=["GET"])
@requires("webhooks:read", problems=(401, 403, 503))
@blp.response(200, EventTypesSchema())
def list_event_types() -> Response:
    """Read the catalogue of events: for each type a JSON Schema, its version and an example."""
    return answer({"items": list(catalogue().values())})


@blp.route("/webhooks/event-types/<event_type>", methods=["GET"])
@requires("webhooks:read", problems=(401, 403, 404, 503))
@blp.response(200, EventTypeSchema())
def get_event_type(event_type: str) -> Response:
    """Read what is told by events of one type."""
    found = catalogue().get(event_type)
    if found is None:
        message = f"There is no event type {event_type!r}; GET /v1/webhooks/event-types has them."
        raise NotFound(message)
    return answer(found)
