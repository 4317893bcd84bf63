"""Tickets that bring uploads along: a batch of them looked up and taken by one statement."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.db import ticket_changes
from shared.db.engine import Row, Transaction
from shared.db.ticket_changes import NewTicket
from shared.domain.attachment import AttachmentRules
from shared.domain.errors import PatchbayError, TooLarge

_NOTHING = {"count": 0, "size": 0}


def bring_uploads(
    tx: Transaction, tickets: Sequence[NewTicket], rules: AttachmentRules, now: datetime
) -> list[NewTicket | PatchbayError]:
    """Return each ticket with the rows of its attachments, or why it cannot have them.

    A batch in which no ticket names an upload costs nothing, any other one round trip. Of two that
    name the same upload the first has it.
    """
    wanted = sorted({i for ticket in tickets for i in ticket.content["attachments"]})
    if not wanted:
        return list(tickets)
    found = ticket_changes.take_uploads(tx, wanted, now)
    free = dict(found)
    answers: list[NewTicket | PatchbayError] = []
    for ticket in tickets:
        answer = _bring(ticket, free, rules, now)
        answers.append(answer)
        if isinstance(answer, NewTicket):
            for upload_id in ticket.content["attachments"]:
                del free[upload_id]
    ticket_changes.put_back_uploads(tx, list(free.values()))
    return answers


def _bring(
    ticket: NewTicket, free: dict[str, Row], rules: AttachmentRules, now: datetime
) -> NewTicket | PatchbayError:
    chosen = ticket_changes.choose_uploads(free, ticket.content["attachments"], ticket.actor)
    if isinstance(chosen, PatchbayError):
        return chosen
    count = len(ticket.attachments) + len(chosen)
    try:
        rules.require_room(_NOTHING, count, sum(each["size"] for each in chosen))
    except TooLarge as error:
        return error
    rows = [ticket_changes.new_attachment("", each, rules, now, ticket.actor) for each in chosen]
    return replace(ticket, attachments=[*ticket.attachments, *rows])
