"""No text that comes in may hold NUL: PostgreSQL cannot keep it, and fails where it is used."""

from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, ValidationError, class_registry, fields

from services.intake.openapi.description import description

NUL = "a\x00b"
#: Signed: what is not of our making goes no further.
SIGNED = {"TokenQuerySchema.token"}


def named(node: Any) -> Iterator[str]:
    """Component schemas that a part of the description refers to."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"].rpartition("/")[2]
        for value in node.values():
            yield from named(value)
    elif isinstance(node, list):
        for value in node:
            yield from named(value)


def of_requests() -> set[str]:
    """Component schemas that bodies of requests are made of."""
    document = description()
    components = document["components"]["schemas"]
    bodies = [
        operation["requestBody"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "requestBody" in operation
    ]
    found: set[str] = set()
    left = set(named(bodies))
    while left:
        found |= left
        left = set(named([components.get(name) for name in left])) - found
    return found


def schemas() -> Iterator[type[Schema]]:
    """The classes behind them, and those of queries."""
    names = of_requests()
    for name, classes in class_registry._registry.items():
        if name.removesuffix("Schema") in names or name.endswith("QuerySchema"):
            yield from (each for each in classes if isinstance(each, type))


def texts(field: fields.Field[Any], path: str) -> Iterator[tuple[str, fields.String]]:
    """Fields of text inside a field."""
    if isinstance(field, fields.List):
        yield from texts(field.inner, f"{path}[]")
    elif isinstance(field, fields.Dict):
        for inner in (field.key_field, field.value_field):
            if inner is not None and not field.validators:
                yield from texts(inner, f"{path}{{}}")
    elif isinstance(field, fields.String):
        yield path, field


def takes_nul(field: fields.String) -> bool:
    try:
        field.deserialize(NUL)
    except ValidationError:
        return False
    return True


def test_every_text_of_a_request_refuses_nul() -> None:
    found = {
        f"{schema.__name__}.{path}": takes_nul(text)
        for schema in schemas()
        for name, field in schema().fields.items()
        if not field.dump_only
        for path, text in texts(field, name)
    }
    assert len(found) > 100
    assert {path for path, taken in found.items() if taken} == SIGNED
