"""What could not be cleaned up: noted beside the verdict, because it does not change it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from services.chaos.errors import ChaosError
from shared.domain.errors import PatchbayError


class Leftovers:
    """One line for each thing that is left, with the way out."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Note that `what` is left, and why, if the block fails; the rest is cleaned up then."""
        try:
            yield
        except (ChaosError, PatchbayError, SQLAlchemyError, OSError) as error:
            self.found.append(f"{what} ({first_line(error)})")


def first_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    said = (line.strip() for line in str(error).splitlines())
    return next(filter(None, said), repr(error))
