"""A mapping in which nothing is missing, for templates that refuse what is undefined."""


class Blanks(dict[str, str]):
    """Texts by name; one that is not there is empty."""

    def __missing__(self, name: str) -> str:
        """Return the empty text."""
        return ""
