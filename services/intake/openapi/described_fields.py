"""What the API's description says of fields, where apispec says nothing, or says it wrongly."""

from typing import Any

from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_smorest import Api
from marshmallow import fields
from marshmallow.validate import Length, NoneOf, OneOf, Regexp

from shared.schemas.base import Distinct


def register(api: Api) -> None:
    """Describe the fields of every schema that is registered from now on."""
    converter: OpenAPIConverter = api.ma_plugin.converter
    converter.add_attribute_function(_size)
    converter.add_attribute_function(_pattern)
    converter.add_attribute_function(_distinct)
    converter.add_attribute_function(_words)


def _size(_: Any, field: fields.Field[Any], ret: dict[str, Any], **__: Any) -> dict[str, Any]:
    """Count the members of an object, which has no length (JSON Schema 2020-12 §6.5)."""
    if not isinstance(field, fields.Dict):
        return {}
    found = {new: ret.pop(old) for old, new in _OF_OBJECTS.items() if old in ret}
    names: dict[str, Any] = {}
    for validator in getattr(field.key_field, "validators", ()):
        if isinstance(validator, Length):
            names |= {"minLength": validator.min, "maxLength": validator.max}
        if isinstance(validator, OneOf):
            names["enum"] = list(validator.choices)
        if isinstance(validator, Regexp):
            names["pattern"] = str(validator.regex.pattern).removesuffix(r"\Z") + "$"
    if names:
        found["propertyNames"] = names
    return found


_OF_OBJECTS = {"minLength": "minProperties", "maxLength": "maxProperties"}


def _pattern(*_: Any, ret: dict[str, Any], **__: Any) -> dict[str, Any]:
    r"""Write the end of the text as ECMA-262 does, which JSON Schema goes by: there, \Z is a Z."""
    pattern = ret.get("pattern", "")
    return {"pattern": pattern.removesuffix(r"\Z") + "$"} if pattern.endswith(r"\Z") else {}


def _distinct(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Say that nothing may come twice; of objects with a key this cannot be said."""
    alone = any(isinstance(v, Distinct) and v.key is None for v in field.validators)
    return {"uniqueItems": True} if alone else {}


def _words(_: Any, field: fields.Field[Any], ret: dict[str, Any], **__: Any) -> dict[str, Any]:
    """Leave out the members of an enumeration that a validator refuses."""
    words = ret.get("enum", [])
    for validator in field.validators:
        if isinstance(validator, NoneOf):
            words = [word for word in words if word not in validator.iterable]
        if isinstance(validator, OneOf):
            words = [word for word in words if word is None or word in validator.choices]
    return {"enum": words} if words else {}
