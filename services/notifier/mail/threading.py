"""How mails hang together: Message-ID, In-Reply-To and References.

Relays are known to replace the Message-ID (Amazon SES, Gmail), so a mail names its own id in
References too, next to an id that stands for the ticket: whatever happens on the way, an answer
brings back one that is ours. Relays also refuse long headers, so References stay below 1500
characters; the first and the last ones are what clients thread by (RFC 5322 section 3.6.4).
"""

from collections.abc import Sequence

#: Characters of all ids together, and mails of the same ticket that are named besides.
MAX_REFERENCES_CHARS, MAX_EARLIER = 1500, 8


def ticket_reference(ticket_id: str, domain: str) -> str:
    """Return the id that stands for a ticket: no mail has it, all mails of the ticket name it."""
    return f"<{ticket_id}@{domain}>"


def references(root: str, earlier: Sequence[str], own: str) -> list[str]:
    """Return the References of a mail: the ticket, the latest earlier mails, and the mail itself.

    `earlier` are in the order in which they were sent; the oldest are left out where there are too
    many of them.
    """
    room = MAX_REFERENCES_CHARS - len(root) - len(own) - 2
    kept: list[str] = []
    for each in reversed(earlier[-MAX_EARLIER:]):
        room -= len(each) + 1
        if room < 0:
            break
        kept.insert(0, each)
    return [root, *kept, own]


def id_headers(own: str, found: Sequence[str]) -> str:
    """Return the three headers, with CRLF; an answer is to the mail before this one.

    One id a line stays below the 998 bytes of RFC 5322 section 2.1.1 without any other folding.
    """
    before = [each for each in found if each != own]
    lines = [f"Message-ID: {own}"]
    if before:
        lines.append(f"In-Reply-To: {before[-1]}")
    lines.append("References: " + "\r\n ".join(found))
    return "".join(f"{line}\r\n" for line in lines)
