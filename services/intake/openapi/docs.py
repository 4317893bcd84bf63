"""/openapi.json and /docs: the API described, and a page to read and try it, without internet."""

from html import escape
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, request, send_from_directory
from flask.typing import ResponseReturnValue

from services.intake.api.catalogue import CATALOGUE, Words
from services.intake.api.languages import preferred
from services.intake.openapi.description import description

#: Swagger UI, shipped inside a package, so that the page needs no other site.
_ASSETS = Path(flask_swagger_ui.__file__).parent / "dist"

blp = Blueprint("docs", __name__)

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


@blp.route("/openapi.json")
def openapi() -> ResponseReturnValue:
    """Return the API's description."""
    return description()


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
