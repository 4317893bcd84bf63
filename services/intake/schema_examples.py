"""An example of a JSON Schema: a value that it allows, always the same, with words of a desk."""

from collections.abc import Mapping
from typing import Any

from shared.domain.ids import Prefix

_UNIQUE = "_019a0c5e7d2f7c3a9b1e5f60718293a4"

#: What a member of this name has, where its schema does not say.
_BY_NAME: dict[str, Any] = {
    "ticket_id": Prefix.TICKET + _UNIQUE,
    "decision_id": Prefix.DECISION + _UNIQUE,
    "correlation_id": "req_78b6b314097149119a7ebd9c004354b9",
    "subject": "VPN drops every ten minutes",
    "description": "Since this morning, on every network.",
    "email": "agent@example.com",
    "name": "Agent",
    "host": "receiver.example.com",
    "requester": {"id": Prefix.REQUESTER + _UNIQUE, "name": "Mira Petrova"},
    "reason": None,
    "changed": ["priority"],
}
#: How the `id` of a thing begins, by the member it is in; everybody else is an agent.
_PREFIXES = {
    "": Prefix.EVENT,
    "ticket": Prefix.TICKET,
    "into": Prefix.TICKET,
    "assignment": Prefix.ASSIGNMENT,
    "comment": Prefix.COMMENT,
    "attachments": Prefix.ATTACHMENT,
    "webhook": Prefix.SUBSCRIPTION,
}
_MOMENT = "2026-01-31T09:30:00.120000Z"


class Example:
    """Makes the example of a schema that has what it refers to in `$defs`."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._definitions = schema.get("$defs", {})
        self.value: Any = self._of(schema, "", "")

    def _of(self, schema: Mapping[str, Any], name: str, within: str) -> Any:
        if "$ref" in schema:
            return self._of(self._definitions[schema["$ref"].rpartition("/")[2]], name, within)
        if "anyOf" in schema:
            return self._of(schema["anyOf"][0], name, within)
        if name == "id":
            return _PREFIXES.get(within, Prefix.AGENT) + _UNIQUE
        for key in ("const", "example"):
            if key in schema:
                return schema[key]
        if "enum" in schema:
            return schema["enum"][0]
        kinds = schema.get("type", "object")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return self._of_type(kinds, schema, name)

    def _of_type(self, kinds: list[str], schema: Mapping[str, Any], name: str) -> Any:
        known = _BY_NAME.get(name)
        if name in _BY_NAME and _fits(known, kinds):
            return known
        if "null" in kinds:
            return None
        match kinds[0]:
            case "object":
                members = schema.get("properties", {}).items()
                return {key: self._of(value, key, name) for key, value in members}
            case "array":
                return [self._of(schema["items"], name, name)]
            case "string":
                return _MOMENT if schema.get("format") == "date-time" else name or "text"
            case "boolean":
                return False
            case _:
                return schema.get("minimum", 1)


def _fits(value: Any, kinds: list[str]) -> bool:
    kind = {str: "string", dict: "object", list: "array", type(None): "null"}[type(value)]
    return kind in kinds
