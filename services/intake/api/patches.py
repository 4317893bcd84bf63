"""PATCH: a JSON Merge Patch (RFC 7396) over what is there, checked as it comes out."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, TypeVar

from flask import g, request
from marshmallow import Schema, ValidationError, fields, missing

from services.intake.api.bodies import read_body
from services.intake.api.replays import replay_if_known
from shared.domain.merge_patch import merge_patch
from shared.schemas.base import StrictSchema, patch_of
from shared.schemas.refusal import refused_fields
from shared.schemas.strict_json import parse_json

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch that came, and the schema of what may be patched."""

    schema: Schema
    document: Mapping[str, Any]

    def over(self, current: Mapping[str, Any]) -> dict[str, Any]:
        """Return the new values of the fields that the patch names, loaded.

        `current` has the wire form of fields that hold objects; others are not looked at. A field
        that may be null keeps null as its value, which is how a missing one is written here; null
        for a free document empties it.
        Raises InvalidInput with pointers.
        """
        merged = {
            name: self._merged(name, current.get(name), value)
            for name, value in self.document.items()
        }
        try:
            return dict(self.schema.load(merged))
        except ValidationError as error:
            raise refused_fields(error.messages) from error

    def _merged(self, name: str, current: Any, value: Any) -> Any:
        if isinstance(value, Mapping):
            return merge_patch(current, value)
        if value is None and isinstance(self.schema.fields.get(name), fields.Dict):
            return {}
        return value


def patch_body(schema: type[Schema]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Hand a `Patch` to the view as its first argument."""
    of_fields = patch_of(schema)

    def decorate(view: Callable[..., R]) -> Callable[..., R]:
        @wraps(view)
        def with_patch(*args: Any, **kwargs: Any) -> R:
            return view(Patch(of_fields, _received()), *args, **kwargs)

        return _documented(with_patch, view, _as_sent(schema)())

    return decorate


def object_body(schema: Schema) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Hand the JSON object that came, not yet loaded, to the view as its first argument."""

    def decorate(view: Callable[..., R]) -> Callable[..., R]:
        @wraps(view)
        def with_object(*args: Any, **kwargs: Any) -> R:
            return view(_received(), *args, **kwargs)

        return _documented(with_object, view, schema)

    return decorate


def _received() -> Mapping[str, Any]:
    g.body = parse_json(read_body())
    document = _object(g.body)
    if "Idempotency-Key" in request.headers:
        replay_if_known()
    return document


def _documented(
    wrapper: Callable[..., R], view: Callable[..., R], schema: Schema
) -> Callable[..., R]:
    documented = deepcopy(getattr(view, "_apidoc", {}))
    parameters = documented.setdefault("arguments", {}).setdefault("parameters", [])
    parameters.append({"in": "json", "required": True, "schema": schema})
    wrapper._apidoc = documented  # type: ignore[attr-defined] # noqa: SLF001 -- smorest's hook
    return wrapper


@cache
def _as_sent(schema: type[Schema], name: str | None = None, *, removable: bool = False) -> Any:
    """Return the schema of a patch as it is sent: objects in it are patches too, null removes."""
    return StrictSchema.from_dict(
        {name: _patched(field, removable) for name, field in schema().fields.items()},
        name=name or schema.__name__,
    )


def _patched(field: fields.Field[Any], removable: bool) -> fields.Field[Any]:  # noqa: FBT001
    changed = deepcopy(field)
    if isinstance(field, fields.Nested) and not field.many:
        name = type(field.schema).__name__.removesuffix("Schema") + "PatchSchema"
        inner = _as_sent(type(field.schema), name, removable=True)
        changed = fields.Nested(inner, allow_none=field.allow_none, metadata=field.metadata)
    changed.required, changed.load_default = False, missing
    # What must be there cannot be removed.
    may_go = (removable and not field.required) or isinstance(field, fields.Dict)
    changed.allow_none = field.allow_none or may_go
    return changed


def _object(document: Any) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise refused_fields({"_schema": ["Send a JSON object."]})
    return document
