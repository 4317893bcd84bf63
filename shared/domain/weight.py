"""What a ticket adds to the load of whoever has it."""

from collections.abc import Mapping

from shared.domain.ticket import Channel, Priority

#: No ticket weighs more than this.
MAX_WEIGHT = 100


def ticket_weight(
    channels: Mapping[str, int],
    priorities: Mapping[str, int],
    channel: Channel,
    priority: Priority,
) -> int:
    """Return the channel's weight times the priority's; what is not named weighs 1."""
    return min(MAX_WEIGHT, channels.get(channel, 1) * priorities.get(priority, 1))
