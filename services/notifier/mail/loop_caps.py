"""How many mails an address may get: where two machines answer each other, this ends it. Pure.

The limits are those of Zammad, after loops that others had. Mails that a person wrote, and those to
agents, are counted and never stopped: no news of the desk is lost to a busy day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: (minutes, mails) to one address about one ticket.
PER_TICKET = ((10, 10), (30, 15), (60, 25), (180, 50), (600, 100))
#: (minutes, mails) to one address about anything.
PER_RECIPIENT = ((10, 30), (30, 60), (60, 120), (180, 240), (600, 360))

#: As far back as anything is counted.
WINDOW = timedelta(minutes=600)


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that an address had; `at` is None for one that is being sent now."""

    at: datetime | None
    ticket_id: str
    delivery_id: str


def before(sent: Sequence[Sent], delivery_id: str, now: datetime) -> list[tuple[datetime, str]]:
    """Return the mails that count against one, and when they were sent.

    Of those under way it is the ones made earlier, so that of many at once as many pass as may.
    """
    return [
        (each.at or now, each.ticket_id)
        for each in sent
        if each.at is not None or each.delivery_id < delivery_id
    ]


def over_cap(ticket_id: str, sent: Sequence[tuple[datetime, str]], now: datetime) -> str | None:
    """Return why an address gets no further mail about a ticket now, or None.

    `sent` are the mails it had within `WINDOW`: when each was sent, and about which ticket.
    """
    about_it = [at for at, about in sent if about == ticket_id]
    return _over(about_it, PER_TICKET, now, "about this ticket") or _over(
        [at for at, _ in sent], PER_RECIPIENT, now, "about anything"
    )


def _over(
    sent: Sequence[datetime], caps: Sequence[tuple[int, int]], now: datetime, about: str
) -> str | None:
    for minutes, most in caps:
        count = sum(1 for at in sent if at > now - timedelta(minutes=minutes))
        if count >= most:
            return (
                f"a loop is suspected: the address had {count} mails {about} "
                f"in {minutes} minutes, and {most} are allowed"
            )
    return None
