"""What the API's description says of bodies that are not JSON, or not only."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, TypeVar

from services.intake.api.auth import problem_response

View = TypeVar("View", bound=Callable[..., Any])

#: A form of files (OpenAPI 3.1.0 §4.8.14.4).
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
            "description": "One or more files; the names of the parts do not matter.",
        }
    },
    "required": ["file"],
}

#: Any bytes.
BYTES: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}


def bodies(contents: Mapping[str, Any]) -> Callable[[View], View]:
    """Describe what a view takes: a schema for each media type."""
    body = {"required": True, "content": {name: {"schema": s} for name, s in contents.items()}}
    return _with({"requestBody": body})


def content(view: View) -> View:
    """Describe the answers of a view that hands out a file, or a part of one."""
    file = {"*/*": {"schema": BYTES}, "application/octet-stream": {"schema": BYTES}}
    headers = {
        "ETag": {"schema": {"type": "string"}, "description": "The SHA-256 of the whole file."},
        "Content-Disposition": {"schema": {"type": "string"}},
    }
    answers = {
        "200": {"description": "The file, with its own Content-Type.", "headers": headers},
        "206": {"description": "The part that Range asked for.", "headers": headers},
    }
    documented: dict[str, Any] = {s: {**a, "content": file} for s, a in answers.items()}
    documented["304"] = {"description": "The file is the one of If-None-Match."}
    return _with({"responses": documented})(view)


def problems(*statuses: int) -> Callable[[View], View]:
    """Describe the problems of a view that `requires` does not guard."""
    return _with({"responses": {str(status): problem_response(status) for status in statuses}})


def by_token(view: View) -> View:
    """Describe a view that needs no API key, because its URL holds a token."""
    return _with({"security": [{"upload": []}]})(view)


def _with(addition: Mapping[str, Any]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        documented = deepcopy(getattr(view, "_apidoc", {}))
        manual = documented.setdefault("manual_doc", {})
        for name, value in addition.items():
            if isinstance(value, dict):
                manual[name] = {**manual.get(name, {}), **value}
            else:
                manual[name] = value
        view._apidoc = documented  # type: ignore[attr-defined] # noqa: SLF001 -- smorest's hook
        return view

    return decorate
