"""What a schema found wrong, as the one error that everybody renders."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.domain.errors import FieldError, InvalidInput


def refused_fields(messages: Any) -> InvalidInput:
    """Return the error for what marshmallow found wrong in a body."""
    errors = list(pointers(messages, ""))
    count = "One field is" if len(errors) == 1 else f"{len(errors)} fields are"
    return InvalidInput(f"{count} not acceptable.", errors)


def pointers(messages: Any, path: str) -> Iterator[FieldError]:
    """Yield marshmallow's nested messages as field errors with JSON Pointers (RFC 6901)."""
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            if key == "_schema":
                yield from pointers(value, path)
            else:
                token = str(key).replace("~", "~0").replace("/", "~1")
                yield from pointers(value, f"{path}/{token}")
    elif isinstance(messages, list):
        for message in messages:
            yield from pointers(message, path)
    else:
        yield FieldError(path, str(messages))
