"""Headers that a subscriber wants on its webhooks: those that may be sent."""

from collections.abc import Mapping

from shared.domain.custom_headers import is_reserved


def permitted(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that may be sent as they are; reserved ones are left out."""
    return {name: value for name, value in headers.items() if not is_reserved(name)}
