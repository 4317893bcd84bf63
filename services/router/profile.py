"""A profile: how tickets of a team are matched, as data that names plugins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.router.model import DEFAULT_PROFILE
from shared.domain.ticket import Channel, Priority
from shared.domain.weight import ticket_weight
from shared.schemas.profile import DEFAULT_DOCUMENT

#: The bind refuses who is away or full, so a profile that forgets these would only lose races.
NECESSARY = ("presence", "capacity")


@dataclass(frozen=True, slots=True)
class Profile:
    """A strategy: filters in order, weighted scorers, a matcher, and what is most urgent.

    `offer_s` is how long an agent may take to accept, in seconds; None assigns without asking.
    `shortlist` bounds how many candidates are scored for one ticket. `options` are constructor
    arguments of plugins, by their names.
    """

    name: str
    version: int
    filters: tuple[str, ...]
    scorers: Mapping[str, float]
    matcher: str
    order: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    offer_s: int | None = None
    shortlist: int = 100
    channel_weights: Mapping[str, int] = field(default_factory=dict)
    priority_weights: Mapping[str, int] = field(default_factory=dict)

    def weight_of(self, channel: Channel, priority: Priority) -> int:
        """Return what a ticket adds to its agent's load."""
        return ticket_weight(self.channel_weights, self.priority_weights, channel, priority)


def parse_profile(name: str, version: int, document: Mapping[str, Any]) -> Profile:
    """Return the profile of a document of `shared.schemas.profile.ProfileSchema`."""
    filled = {**DEFAULT_DOCUMENT, **document}
    return Profile(
        name=name,
        version=version,
        filters=(*filled["filters"], *(f for f in NECESSARY if f not in filled["filters"])),
        scorers=dict(filled["scorers"]),
        matcher=filled["matcher"],
        order=filled["order"],
        options=filled["options"],
        offer_s=filled["offer_s"],
        shortlist=filled["shortlist"],
        channel_weights=filled["channel_weights"],
        priority_weights=filled["priority_weights"],
    )


def default_profile() -> Profile:
    """Return the profile of a desk that never said anything."""
    return parse_profile(DEFAULT_PROFILE, 0, {})
