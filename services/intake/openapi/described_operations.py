"""What the description says of every operation alike: headers, and where to go from an answer."""

from collections.abc import Iterator
from typing import Any

from services.intake.api.preconditions import FORM
from services.intake.api.replays import MAX_KEY_CHARS

Document = dict[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")
_WRITING = frozenset({"post", "put", "patch", "delete"})

_IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name of your own for this request; sent again with it, it is not done again.",
    "schema": {
        "type": "string",
        "pattern": '^(?!""$)[!-~](?:[ -~]*[!-~])?$',
        "minLength": 1,
        "maxLength": MAX_KEY_CHARS,
    },
}

_IF_NONE_MATCH: Document = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags of versions that are known already, or * for any (RFC 9110 §13.1.2).",
    "schema": {**FORM, "example": '"3"'},
}

_PREFER: Document = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async` for a job in place of the answer (RFC 7240 §4.1).",
    "schema": {"type": "string", "example": "respond-async"},
}


def complete(document: Document) -> Document:
    """Add headers and links to a description that is otherwise whole, and return it."""
    # flask-smorest's own says nothing of problems.
    document["components"]["responses"]["DEFAULT_ERROR"] = _problem("Any other problem.")
    document["components"]["schemas"].pop("Error", None)
    for path, method, operation in _operations(document):
        parameters = operation.setdefault("parameters", [])
        statuses = operation["responses"]
        if method in _WRITING and operation.get("security") != [{"upload": []}]:
            parameters.append(_IDEMPOTENCY_KEY)
            statuses.setdefault("400", _problem("A header cannot be read."))
            statuses.setdefault("409", _problem("The first request is not done yet, or Conflict."))
            statuses.setdefault("422", _problem("The key was used before with another request."))
        if "412" in statuses:
            parameters += [_if_match(required="428" in statuses), _IF_NONE_MATCH]
            statuses.setdefault("400", _problem("A header cannot be read."))
        if method == "get" and (_is_versioned(document["paths"][path]) or "304" in statuses):
            parameters.append(_IF_NONE_MATCH)
            statuses.setdefault("304", {"description": "The version is one of If-None-Match."})
            statuses.setdefault("400", _problem("A header cannot be read."))
        if "202" in statuses:
            parameters.append(_PREFER)
        if method == "post" and "201" in statuses:
            _link(document, path, statuses["201"])
        if not parameters:
            del operation["parameters"]
    return document


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _if_match(*, required: bool) -> Document:
    return {
        "name": "If-Match",
        "in": "header",
        "required": required,
        "description": "The ETag of the version that is changed, or * for any (RFC 9110 §13.1.1).",
        "schema": {**FORM, "example": '"3"'},
    }


def _is_versioned(item: Document) -> bool:
    """Tell whether what a path names is changed by its version, and so is read with an ETag."""
    return any("412" in item[each]["responses"] for each in ("put", "patch") if each in item)


def _problem(description: str) -> Document:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    }


def _link(document: Document, path: str, answer: Document) -> None:
    """Say which operations take the key of what was made: those below its own path."""
    outer = path.count("{")
    for other, method, _ in _operations(document):
        below = other.removeprefix(f"{path}/")
        if below == other or not below.startswith("{") or below.count("{") > 1:
            continue
        parameter = below[1 : below.index("}")]
        key = "name" if parameter == "name" else "id"
        passed = {parameter: f"$response.body#/{key}"}
        names = [each[:-1] for each in path.split("{")[1:] for each in [each.split("/")[0]]]
        passed |= {name: f"$request.path.{name}" for name in names[:outer]}
        reference = other.replace("~", "~0").replace("/", "~1")
        link = {"operationRef": f"#/paths/{reference}/{method}", "parameters": passed}
        answer.setdefault("links", {})[_name(method, below)] = link


def _name(method: str, below: str) -> str:
    """Return a name for a link, such as `get` or `post-comments`."""
    rest = below.partition("}")[2].strip("/").replace("/", "-")
    return f"{method}-{rest}" if rest else method
