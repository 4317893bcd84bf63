"""What a form sends: its values, read strictly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from flask import request

from shared.domain.errors import MalformedRequest

URLENCODED = "application/x-www-form-urlencoded"
#: More parts than any form of ours has.
MAX_PARTS = 100


@dataclass(frozen=True, slots=True)
class Form:
    """The values of a form by name; the last one of those with the same name."""

    values: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a value; empty if it did not come."""
        return self.values.get(name, "")


def read_form() -> Form:
    """Read the form of this request.

    Raises MalformedRequest for what no browser sends: another media type, text that is not UTF-8.
    """
    if request.mimetype != URLENCODED:
        message = f"A form is {URLENCODED}."
        raise MalformedRequest(message)
    try:
        text = request.get_data().decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARTS)
    except ValueError as error:
        message = f"The form cannot be read: {error}."
        raise MalformedRequest(message) from error
    return Form(dict(pairs))
