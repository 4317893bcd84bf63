"""Who asks for a change."""

from dataclasses import dataclass

from shared.domain.role import Role


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, in which request, why, and as what."""

    actor: str
    request: str
    reason: str | None = None
    role: Role = Role.ADMIN
