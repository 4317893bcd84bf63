"""Why a model has no answer.

InvalidInput
└── LabError            the model cannot answer; the text says why and what to change
    ├── Unstable        the work outgrows the agents, so the mean wait is infinite
    ├── Unservable      some tickets can be served by nobody
    └── TooLarge        beyond what the exact method can compute
"""

from shared.domain.errors import InvalidInput


class LabError(InvalidInput):
    """A model cannot answer what it was asked."""


class Unstable(LabError):
    """Work arrives as fast as the agents can do it, or faster: waits grow without end."""


class Unservable(LabError):
    """No agent may serve these tickets, or none is ever on shift."""


class TooLarge(LabError):
    """The exact method would need more memory or time than is sensible."""
