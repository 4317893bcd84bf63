"""What breaks a client between two descriptions of the API.

The client of the older description must go on working: what it may send is still taken, what it
reads is still there. Enums of answers may grow (docs/api.md says so); those of requests may not
shrink.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")


def breaks(old: Document, new: Document) -> list[str]:
    """Return, in words, everything that breaks a client of the old description."""
    return sorted(set(_operations(old, new)))


def _operations(old: Document, new: Document) -> Iterator[str]:
    for path, item in old["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            name = f"{method.upper()} {path}"
            if method not in new["paths"].get(path, {}):
                yield f"{name} is gone"
                continue
            sides = _Sides(old, new)
            before, after = item[method], new["paths"][path][method]
            yield from _parameters(sides, name, before, after)
            yield from _bodies(sides, name, before, after)
            yield from _answers(sides, name, before, after)
    for name in set(old.get("webhooks", {})) - set(new.get("webhooks", {})):
        yield f"the webhook {name} is gone"


class _Sides:
    """Both documents, to look references up in."""

    def __init__(self, old: Document, new: Document) -> None:
        self._documents = old, new

    def schemas(self, old: Document, new: Document) -> tuple[Document, Document]:
        """Return two schemas as they are behind their references."""
        return self._followed(0, old), self._followed(1, new)

    def _followed(self, side: int, schema: Document) -> Document:
        while "$ref" in schema:
            node: Any = self._documents[side]
            for step in schema["$ref"][2:].split("/"):
                node = node[step.replace("~1", "/").replace("~0", "~")]
            schema = node
        return schema


def _parameters(sides: _Sides, name: str, old: Document, new: Document) -> Iterator[str]:
    before = {(p["in"], p["name"]): p for p in old.get("parameters", [])}
    after = {(p["in"], p["name"]): p for p in new.get("parameters", [])}
    for key, parameter in before.items():
        if key not in after:
            yield f"{name} takes no {key[0]} parameter {key[1]} any more"
            continue
        schemas = sides.schemas(parameter.get("schema", {}), after[key].get("schema", {}))
        yield from _narrower(sides, f"{name} {key[1]}", *schemas)
    for key, parameter in after.items():
        if parameter.get("required") and not before.get(key, {}).get("required"):
            yield f"{name} requires the {key[0]} parameter {key[1]}"


def _bodies(sides: _Sides, name: str, old: Document, new: Document) -> Iterator[str]:
    before, after = old.get("requestBody", {}), new.get("requestBody", {})
    if after.get("required") and not before:
        yield f"{name} requires a body"
    for media_type, content in before.get("content", {}).items():
        if media_type not in after.get("content", {}):
            yield f"{name} takes no {media_type} any more"
            continue
        schema = after["content"][media_type].get("schema", {})
        yield from _narrower(
            sides, f"{name} body", *sides.schemas(content.get("schema", {}), schema)
        )


def _answers(sides: _Sides, name: str, old: Document, new: Document) -> Iterator[str]:
    for status, answer in old.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        if status not in new.get("responses", {}):
            yield f"{name} does not answer {status} any more"
            continue
        contents = new["responses"][status].get("content", {})
        for media_type, content in answer.get("content", {}).items():
            if media_type not in contents:
                yield f"{name} does not answer {media_type} any more"
                continue
            schemas = sides.schemas(
                content.get("schema", {}), contents[media_type].get("schema", {})
            )
            yield from _poorer(sides, f"{name} answer", *schemas, depth=0)


def _narrower(sides: _Sides, place: str, old: Document, new: Document) -> Iterator[str]:
    """Yield what an old request may hold and the new schema refuses."""
    yield from _other_type(place, old, new, growing=True)
    for word in set(map(repr, old.get("enum", []))) - set(
        map(repr, new.get("enum", old.get("enum", [])))
    ):
        yield f"{place} takes no {word} any more"
    if new.get("enum") and not old.get("enum"):
        yield f"{place} takes only some values now"
    for limit, is_tighter in _LIMITS.items():
        if limit in new and (limit not in old or is_tighter(old[limit], new[limit])):
            yield f"{place} has another {limit}: {new[limit]}"
    for field in set(new.get("required", [])) - set(old.get("required", [])):
        yield f"{place} requires {field}"
    yield from _inside(sides, place, old, new, _narrower)
    for field in set(old.get("properties", {})) - set(new.get("properties", {})):
        if new.get("properties"):
            yield f"{place} takes no {field} any more"


_LIMITS = {
    "maxLength": lambda old, new: new < old,
    "minLength": lambda old, new: new > old,
    "maximum": lambda old, new: new < old,
    "minimum": lambda old, new: new > old,
    "maxItems": lambda old, new: new < old,
    "minItems": lambda old, new: new > old,
    "pattern": lambda old, new: new != old,
}


def _poorer(sides: _Sides, place: str, old: Document, new: Document, depth: int) -> Iterator[str]:
    """Yield what an old answer held and a new one may not."""
    yield from _other_type(place, old, new, growing=False)
    for field in set(old.get("properties", {})) - set(new.get("properties", {})):
        yield f"{place} has no {field} any more"
    for field in set(old.get("required", [])) - set(new.get("required", [])):
        if field in new.get("properties", {}):
            yield f"{place} may come without {field}"
    if depth < _DEEP:

        def deeper(each: _Sides, at: str, one: Document, other: Document) -> Iterator[str]:
            return _poorer(each, at, one, other, depth + 1)

        yield from _inside(sides, place, old, new, deeper)


#: Schemas may hold themselves.
_DEEP = 12


def _inside(sides: _Sides, place: str, old: Document, new: Document, compare: Any) -> Iterator[str]:
    for field, schema in old.get("properties", {}).items():
        if field in new.get("properties", {}):
            both = sides.schemas(schema, new["properties"][field])
            yield from compare(sides, f"{place}.{field}", *both)
    if "items" in old and "items" in new:
        yield from compare(sides, f"{place}[]", *sides.schemas(old["items"], new["items"]))


def _other_type(place: str, old: Document, new: Document, *, growing: bool) -> Iterator[str]:
    before, after = _types(old), _types(new)
    if not before or not after:
        return
    lost = before - after if growing else after - before
    if lost:
        yield f"{place} was {' or '.join(sorted(before))} and is {' or '.join(sorted(after))}"


def _types(schema: Document) -> frozenset[str]:
    given = schema.get("type", ())
    return frozenset([given] if isinstance(given, str) else given)
