"""Reading documents by a schema, several times faster than marshmallow reads them.

A million lines pass through here one by one. What is plainly right is read by checks that were put
together once from the schema; wherever a document leaves a doubt, or a field is of a kind that is
not known here, marshmallow itself decides. So there is one definition, its results and its errors.
`tests/contract/test_plain_load.py` holds the two to the same result.
"""

import sys
from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing
from marshmallow.decorators import VALIDATES_SCHEMA
from marshmallow.validate import Length

from shared.schemas.base import Whole, no_nul

#: Reads one value; raises _Doubt, or ValidationError, where it is not plainly right.
_Load = Callable[[Any], Any]


class _Doubt(Exception):
    """Marshmallow has to look at it."""


def plain_load(schema: Schema) -> Callable[[Any], dict[str, Any]]:
    """Return a function that does what `schema.load` does; raises marshmallow.ValidationError."""
    fast = _reader(schema)

    def load(document: Any) -> dict[str, Any]:
        try:
            return fast(document)
        except (_Doubt, ValidationError):
            loaded: dict[str, Any] = schema.load(document)
            return loaded

    return load


def _reader(schema: Schema) -> Callable[[Any], dict[str, Any]]:
    if not _plain(schema):
        return _by_marshmallow(schema)
    loads: dict[str, tuple[str, _Load]] = {}
    plain_defaults: dict[str, Any] = {}
    made_defaults: list[tuple[str, Callable[[], Any]]] = []
    required = set()
    for name, field in schema.load_fields.items():
        key = field.data_key or name
        loads[key] = (field.attribute or name, _load_of(field))
        if field.required:
            required.add(key)
        elif callable(field.load_default):
            made_defaults.append((field.attribute or name, field.load_default))
        elif field.load_default is not missing:
            plain_defaults[field.attribute or name] = field.load_default
    checks = [getattr(schema, hook[0]) for hook in schema._hooks.get(VALIDATES_SCHEMA, ())]  # noqa: SLF001 -- as above

    def read(document: Any) -> dict[str, Any]:
        if type(document) is not dict or not required <= document.keys():
            raise _Doubt
        content = plain_defaults.copy()
        for name, make in made_defaults:
            content[name] = make()
        for key, value in document.items():
            known = loads.get(key)
            if known is None:
                raise _Doubt
            content[known[0]] = known[1](value)
        for check in checks:
            check(content, partial=None, many=False, unknown="raise")
        return content

    return read


def _plain(schema: Schema) -> bool:
    """Tell whether a schema refuses unknown fields and has no hooks but checks of the whole."""
    hooks = schema._hooks  # noqa: SLF001 -- there is no other door
    checks = hooks.get(VALIDATES_SCHEMA, ())
    return (
        schema.unknown == "raise"
        and not schema.many
        and not {name for name, found in hooks.items() if found} - {VALIDATES_SCHEMA}
        and not any(options.get("pass_original") for _, _, options in checks)
    )


def _by_marshmallow(schema: Schema) -> Callable[[Any], dict[str, Any]]:
    def read(document: Any) -> dict[str, Any]:
        loaded: dict[str, Any] = schema.load(document)
        return loaded

    return read


def _load_of(field: fields.Field[Any]) -> _Load:
    """Return what reads one field, its validators and null included."""
    kind = type(field)
    if kind in (fields.String, fields.Email):
        return _text(field)
    if kind is fields.Enum and isinstance(field, fields.Enum) and field.by_value:
        return _member(field)
    if kind is Whole:
        return _or_none(field, _checked(_whole, field))
    if kind is fields.List and isinstance(field, fields.List):
        return _or_none(field, _checked(_list(_load_of(field.inner)), field))
    if kind is fields.Nested and isinstance(field, fields.Nested) and not field.many:
        return _or_none(field, _checked(_reader(field.schema), field))
    return _or_none(field, field.deserialize)


def _or_none(field: fields.Field[Any], load: _Load) -> _Load:
    nullable = field.allow_none

    def read(value: Any) -> Any:
        if value is None:
            if nullable:
                return None
            raise _Doubt
        return load(value)

    return read


def _checked(load: _Load, field: fields.Field[Any]) -> _Load:
    """Run a field's validators on what was read."""
    validators = tuple(field.validators)

    def read(value: Any) -> Any:
        loaded = load(value)
        for validate in validators:
            validate(loaded)
        return loaded

    return read if validators else load


def _text(field: fields.Field[Any]) -> _Load:
    """Read text; what most validators ask of it is asked here, without a call for each."""
    nullable = field.allow_none
    shortest, longest, may_hold_nul = 0, sys.maxsize, True
    left: list[Callable[[str], Any]] = []
    for validator in field.validators:
        if type(validator) is Length and validator.equal is None:
            shortest = max(shortest, validator.min or 0)
            longest = min(longest, sys.maxsize if validator.max is None else validator.max)
        elif validator is no_nul:
            may_hold_nul = False
        else:
            left.append(validator)
    others = tuple(left)

    def read(value: Any) -> str | None:
        if type(value) is not str:
            if value is None and nullable:
                return None
            raise _Doubt
        if not shortest <= len(value) <= longest or not (may_hold_nul or "\0" not in value):
            raise _Doubt
        for validator in others:
            validator(value)
        return value

    return read


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise _Doubt
    return value


def _member(field: fields.Enum[Any]) -> _Load:
    members: dict[Any, Any] = {each.value: each for each in field.enum}
    if field.allow_none:
        members[None] = None
    validators = tuple(field.validators)

    def read(value: Any) -> Any:
        try:
            member = members[value]
        except (KeyError, TypeError):
            raise _Doubt from None
        if member is not None:
            for validator in validators:
                validator(member)
        return member

    # A member of numbers would also be found by another number that equals it.
    texts = all(type(each.value) is str for each in field.enum)
    return read if texts else _or_none(field, field.deserialize)


def _list(inner: _Load) -> _Load:
    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise _Doubt
        return [inner(each) for each in value]

    return read
