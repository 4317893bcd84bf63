"""The API described by OpenAPI 3.1: gathered from the views, and completed by what they do not say.

It is made when somebody asks for it: that takes half a second, which no start should wait for.
"""

from functools import cache
from typing import Any

from apispec import APISpec
from flask import Flask
from flask_smorest import Api
from marshmallow import Schema

from services.intake.openapi import described_fields
from services.intake.openapi.blueprints import API
from services.intake.openapi.described_operations import complete
from shared.schemas.bulk import BulkTicketSchema, LineResultSchema
from shared.schemas.events import CATALOGUE, EventSchema
from shared.schemas.import_ticket import ImportTicketSchema
from shared.schemas.operational_events import OPERATIONAL
from shared.schemas.problem import ProblemSchema
from shared.schemas.requester_view import VIEWS

#: What flask-smorest is told.
_CONFIG: dict[str, Any] = {
    "API_TITLE": "Patchbay",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": "The open backend of a support desk. Errors are problem details "
            "(RFC 9457) with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        }
    },
}

#: Everything that webhooks tell.
_EVENTS = (*CATALOGUE.values(), *OPERATIONAL.values())


@cache
def description() -> dict[str, Any]:
    """Return the description, a JSON document; the same for every installation."""
    app = Flask("description", static_folder=None)
    app.config.update(_CONFIG)
    api = Api(app)
    described_fields.register(api)
    for blp in API:
        api.register_blueprint(blp)
    _describe(api.spec)
    return complete(api.spec.to_dict())


def _describe(spec: APISpec) -> None:
    """Add what flask-smorest does not know: how to authenticate, and the webhooks we send."""
    spec.components.security_scheme(
        "key",
        {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, `pbk_…`; make one by `patchbay keys create`.",
        },
    )
    spec.components.security_scheme(
        "upload",
        {
            "type": "apiKey",
            "in": "query",
            "name": "token",
            "description": "The token in the `url` of a declared upload; good for this one only.",
        },
    )
    schemas: list[type[Schema]] = [
        ProblemSchema,
        EventSchema,
        BulkTicketSchema,
        ImportTicketSchema,
        LineResultSchema,
        *(d.data for d in _EVENTS),
        *(view.schema() for view in VIEWS),
    ]
    for schema in schemas:
        name = schema.__name__.removesuffix("Schema")
        if name not in spec.components.schemas:
            spec.components.schema(name, schema=schema)
    spec.options["webhooks"] = {
        definition.event_type.value: {
            "post": {
                "summary": definition.summary,
                "description": "Signed by Standard Webhooks: headers webhook-id, "
                "webhook-timestamp, webhook-signature.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _event_schema(definition.data)}},
                },
                "responses": {"2XX": {"description": "Taken; it is not sent again."}},
            }
        }
        for definition in _EVENTS
    }


def _event_schema(data: type) -> dict[str, Any]:
    reference = f"#/components/schemas/{data.__name__.removesuffix('Schema')}"
    return {
        "allOf": [
            {"$ref": "#/components/schemas/Event"},
            {"type": "object", "properties": {"data": {"$ref": reference}}},
        ]
    }
