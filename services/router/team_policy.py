"""What a team decided about its tickets: the profile, who helps out, and when tickets go back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from services.router.model import DEFAULT_PROFILE


@dataclass(frozen=True, slots=True)
class Overflow:
    """A team that may help after so many seconds of waiting, or when nobody is at work."""

    team: str
    after_s: int
    when_off_shift: bool


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """The settings of a team; `overflow` reaches through the helpers of helpers."""

    profile: str = DEFAULT_PROFILE
    shadow_profile: str | None = None
    trial_profile: str | None = None
    trial_percent: int = 0
    overflow: tuple[Overflow, ...] = ()
    offline_grace_s: int | None = 0
    away_grace_s: int | None = None

    def profile_for(self, ticket_id: str) -> str:
        """Return the profile that decides for a ticket, the same one each time."""
        if self.trial_profile and in_trial(ticket_id, self.trial_percent):
            return self.trial_profile
        return self.profile


def in_trial(ticket_id: str, percent: int) -> bool:
    """Tell whether a ticket is in the share that a trial profile decides for."""
    return int.from_bytes(sha256(ticket_id.encode()).digest()[:4]) % 100 < percent


def policies(teams: Iterable[Mapping[str, Any]]) -> dict[str, TeamPolicy]:
    """Return the policies of rows of the table `teams`, by name."""
    rows = {team["name"]: team for team in teams}
    return {
        name: TeamPolicy(
            profile=row["profile"],
            shadow_profile=row["shadow_profile"],
            trial_profile=row["trial_profile"],
            trial_percent=row["trial_percent"],
            overflow=_reach(name, {name: row["overflow"] for name, row in rows.items()}),
            offline_grace_s=row["offline_grace_s"],
            away_grace_s=row["away_grace_s"],
        )
        for name, row in rows.items()
    }


def _reach(team: str, direct: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[Overflow, ...]:
    """Return all teams that may help: helpers of helpers after the sum of both waits."""
    found: dict[str, Overflow] = {}
    queue = [Overflow(team, 0, when_off_shift=True)]
    while queue:
        at = queue.pop(0)
        for step in direct.get(at.team, ()):
            reached = Overflow(
                step["team"],
                at.after_s + step["after_s"],
                at.when_off_shift and step["when_off_shift"],
            )
            known = found.get(reached.team)
            if reached.team != team and (known is None or reached.after_s < known.after_s):
                found[reached.team] = reached
                queue.append(reached)
    return tuple(sorted(found.values(), key=lambda overflow: (overflow.after_s, overflow.team)))
