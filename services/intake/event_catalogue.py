"""The catalogue of event types for those who receive them: schemas, versions and examples.

Made of the schemas by which events are written, so that it cannot say anything else.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from services.intake.schema_examples import Example
from shared.schemas.events import CATALOGUE, EventDefinition, EventSchema
from shared.schemas.operational_events import OPERATIONAL

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES = "#/components/schemas/"


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Return, by type, `{type, version, summary, schema, example}`, in JSON's own values."""
    components = _components()
    return {
        definition.event_type.value: _entry(definition, components)
        for definition in (*CATALOGUE.values(), *OPERATIONAL.values())
    }


def _entry(definition: EventDefinition, components: Mapping[str, Any]) -> dict[str, Any]:
    schema = _schema(definition, components)
    example = Example(schema).value
    if definition.event_type in OPERATIONAL:
        example["sequence"] = 0
    return {
        "type": definition.event_type.value,
        "version": definition.version,
        "summary": definition.summary,
        "schema": schema,
        "example": example,
    }


def _schema(definition: EventDefinition, components: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that needs no other document, of the whole event."""
    envelope = components[_name(EventSchema)]
    data = _name(definition.data)
    properties = {
        **envelope["properties"],
        "type": {"const": definition.event_type.value},
        "version": {"const": definition.version},
        "data": {"$ref": f"#/$defs/{data}"},
    }
    return {
        "$schema": DIALECT,
        "title": definition.event_type.value,
        "description": definition.summary,
        "type": "object",
        "required": envelope["required"],
        "properties": properties,
        "$defs": {name: components[name] for name in sorted(_needed(data, components))},
    }


def _needed(name: str, components: Mapping[str, Any]) -> set[str]:
    """Return a schema's name and the names of all that it refers to."""
    found, left = set[str](), [name]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += _referred(components[each])
    return found


def _referred(node: Any) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"].rpartition("/")[2]] if "$ref" in node else []
        return here + [name for value in node.values() for name in _referred(value)]
    if isinstance(node, list):
        return [name for value in node for name in _referred(value)]
    return []


def _components() -> dict[str, Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(title="", version="", openapi_version="3.1.0", plugins=[plugin])
    data = [each.data for each in (*CATALOGUE.values(), *OPERATIONAL.values())]
    for schema in dict.fromkeys([EventSchema, *data]):
        if _name(schema) not in spec.components.schemas:
            spec.components.schema(_name(schema), schema=schema)
    components: dict[str, Any] = _open(spec.to_dict()["components"]["schemas"])
    return components


def _open(node: Any) -> Any:
    """Return a schema by which further members may come, as receivers have to bear."""
    if isinstance(node, list):
        return [_open(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _open(value) for key, value in node.items() if key != "additionalProperties"}
    if "$ref" in found:
        found["$ref"] = found["$ref"].replace(_REFERENCES, "#/$defs/")
    if isinstance(found.get("pattern"), str):
        # The end of the text as ECMA-262 writes it, which JSON Schema goes by.
        found["pattern"] = found["pattern"].replace(r"\Z", "$")
    return found


def _name(schema: Any) -> str:
    kind: type[Schema] = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")
