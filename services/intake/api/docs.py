"""/openapi.json and /docs: the API described, and a page to read and try it, without internet."""

from html import escape
from pathlib import Path
from typing import Any

import flask_swagger_ui
from apispec import APISpec
from flask import Blueprint, Response, current_app, request, send_from_directory
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from services.intake.api.catalogue import CATALOGUE, Words
from services.intake.api.described_operations import complete
from services.intake.api.languages import preferred
from shared.schemas.bulk import BulkTicketSchema, LineResultSchema
from shared.schemas.events import CATALOGUE as EVENTS
from shared.schemas.events import EventSchema
from shared.schemas.import_ticket import ImportTicketSchema
from shared.schemas.problem import ProblemSchema
from shared.schemas.requester_view import VIEWS

#: Swagger UI, shipped inside a package, so that the page needs no other site.
_ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"

blp = Blueprint("docs", __name__)

#: What flask-smorest is told. Its own documentation pages are off: they load from elsewhere.
SPEC_CONFIG: dict[str, Any] = {
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

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Patchbay API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<style>body { margin: 0 } .topbar { display: none }</style>
</head>
<body>
<div id="api"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: true,
});
</script>
</body>
</html>
"""

_PROBLEMS_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Patchbay: {title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto }}
body {{ padding: 0 1rem }}
h2 {{ font: 600 1.05rem ui-monospace, monospace; margin: 2rem 0 .25rem }}
p {{ margin: .25rem 0 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14171a; color: #e6e6e6 }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{introduction}</p>
{entries}
</body>
</html>
"""

_TITLE = Words("problems", "ошибки")
_INTRODUCTION = Words(
    "Errors are problem details (RFC 9457). Their <code>code</code> is one of these.",
    "Ошибки приходят по RFC 9457 (problem details). Их <code>code</code> — один из этих.",
)


def describe(spec: APISpec) -> None:
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
        *(d.data for d in EVENTS.values()),
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
        for definition in EVENTS.values()
    }


def _event_schema(data: type) -> dict[str, Any]:
    reference = f"#/components/schemas/{data.__name__.removesuffix('Schema')}"
    return {
        "allOf": [
            {"$ref": "#/components/schemas/Event"},
            {"type": "object", "properties": {"data": {"$ref": reference}}},
        ]
    }


@blp.route("/openapi.json")
def openapi() -> ResponseReturnValue:
    """Return the API's description."""
    spec: APISpec = current_app.extensions["patchbay.spec"]
    return complete(spec.to_dict())


@blp.route("/docs")
def docs() -> Response:
    """Return the page."""
    return Response(_PAGE, content_type="text/html; charset=utf-8")


@blp.route("/docs/problems")
def problems() -> Response:
    """Return the page that the `type` of every problem leads to, in the reader's language."""
    language = preferred(request)
    entries = "".join(
        f'<h2 id="{code}">{code}</h2><p><strong>{entry.status}. '
        f"{escape(entry.title.of(language))}</strong></p>"
        f"<p>{escape(entry.meaning.of(language))}</p><p>{escape(entry.way_out.of(language))}</p>"
        for code, entry in CATALOGUE.items()
    )
    page = _PROBLEMS_PAGE.format(
        entries=entries,
        language=language.value,
        title=_TITLE.of(language),
        introduction=_INTRODUCTION.of(language),
    )
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    return Response(page, headers=headers, content_type="text/html; charset=utf-8")


@blp.route("/docs/assets/<path:name>")
def asset(name: str) -> Response:
    """Return a file of the page."""
    return send_from_directory(_ASSETS, name, max_age=3600)
