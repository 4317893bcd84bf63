"""A new ticket about one that is over."""

from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.create import NewTicket, create
from shared.db.ticket_changes.family import Member, members
from shared.db.ticket_changes.journal import ticket_document
from shared.db.ticket_changes.links import link
from shared.domain.errors import Conflict, InvalidInput
from shared.domain.link import LinkKind
from shared.domain.ticket import OPEN_STATUSES, PAUSED_STATUSES, Channel, Lane, TicketStatus

#: What a follow-up takes over as people wrote it; rules then make of it what they do of any ticket.
_INHERITED = (
    "type",
    "category",
    "product",
    "severity",
    "impact",
    "custom_fields",
)


def follow_up(
    tx: Transaction,
    origin: Member,
    description: str,
    subject: str | None,
    now: datetime,
    asked: Asked,
    channel: Channel = Channel.API,
) -> dict[str, Any]:
    """Make a ticket that follows a locked one which is over, linked with it; return the document.

    Raises Conflict for a ticket that is not over: it takes a comment; and for one that was merged
    or is spam, which nothing follows.
    """
    ticket = origin[0]
    if ticket["status"] in (TicketStatus.MERGED, TicketStatus.SPAM):
        message = f"The ticket is {ticket['status'].value}; make a new one."
        into = ticket["merged_into_id"]
        raise Conflict(message, ticket_status=ticket["status"].value, merged_into=into)
    if ticket["status"] in OPEN_STATUSES | PAUSED_STATUSES:
        message = f"The ticket is {ticket['status'].value}; add a comment to it."
        raise Conflict(message, ticket_status=ticket["status"].value)
    written = ticket["asked"] or ticket
    content = {
        **{name: ticket[name] for name in _INHERITED},
        "requester": {"id": ticket["requester_id"]},
        "subject": subject or ticket["subject"],
        "description": description,
        "team": written["team"],
        "urgency": written["urgency"],
        "required_skills": written["required_skills"],
        "tags": written["tags"],
        "priority": None,
        "impact_details": None,
        "error_messages": [],
        "steps_to_reproduce": None,
        "source": ticket["source"],
        "external_id": None,
        "channel": channel,
        "lane": Lane.LIVE,
    }
    document = create(tx, [NewTicket(content, asked.actor, asked.request)], now)[0]
    if isinstance(document, InvalidInput):
        raise document
    [made] = members(tx, [document["id"]])
    link(tx, made, origin, LinkKind.FOLLOW_UP, now, asked)
    [(row, _)] = members(tx, [document["id"]])
    return ticket_document(row, None)
