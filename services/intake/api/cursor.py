"""Cursors of lists: opaque, signed, and good for nothing but the list that made them."""

from typing import Any

from flask import current_app, request
from marshmallow import ValidationError, fields

from shared.domain.errors import BadToken


def encode(*position: Any) -> str:
    """Return a cursor that leads behind a position of the list that is being read."""
    return str(current_app.extensions["patchbay"].signing.sign(_purpose(), position))


def decode(text: str) -> list[Any]:
    """Return the position of a cursor; raises BadToken for one that this list did not make."""
    return list(current_app.extensions["patchbay"].signing.read(_purpose(), text))


class Cursor(fields.Field[Any]):
    """Where to read on: `next` of the last page. Loads as the position, one value or a list."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not value:
            return self.load_default
        try:
            position = decode(value)
        except BadToken as error:
            message = "This is no cursor of this list; take `next` of its last page."
            raise ValidationError(message) from error
        return position[0] if len(position) == 1 else position


def _purpose() -> str:
    return f"cursor {request.path}"
