"""Requesters: tickets and addresses belong to somebody who is there and was not merged."""

from collections.abc import Iterator

from sqlalchemy import String, and_, cast, exists, literal, or_, select

from shared.db.models import Requester, RequesterIdentity, Ticket
from shared.db.models.base import table
from shared.db.soundness.check import Check, Look, Question

_TICKETS, _REQUESTERS = table(Ticket), table(Requester)
_IDENTITIES = table(RequesterIdentity)


def _tickets(look: Look) -> Question:
    # Merging moves tickets a batch at a time; one that is under way is no fault.
    settled = look.now - look.patience
    columns, person = _TICKETS.c, _REQUESTERS.c
    query = (
        select(columns.id, columns.number, columns.requester_id, person.merged_into)
        .select_from(_TICKETS.outerjoin(_REQUESTERS, person.id == columns.requester_id))
        .where(
            or_(
                person.id.is_(None),
                and_(person.merged_into.is_not(None), person.updated_at < settled),
            )
        )
    )
    return Question(query)


def _shown(_: Look) -> Question:
    shown = _TICKETS.c.requester["id"].as_string()
    query = select(
        _TICKETS.c.id, _TICKETS.c.number, _TICKETS.c.requester_id, shown.label("shown")
    ).where(shown.is_distinct_from(_TICKETS.c.requester_id))
    return Question(query)


def _identities(_: Look) -> Question:
    left = exists().where(
        _REQUESTERS.c.id == _IDENTITIES.c.requester_id, _REQUESTERS.c.merged_into.is_(None)
    )
    name = cast(_IDENTITIES.c.kind, String) + literal(" ") + _IDENTITIES.c.value
    query = select(name.label("id"), _IDENTITIES.c.requester_id).where(~left)
    return Question(query)


def _chains(_: Look) -> Question:
    last = _REQUESTERS.alias("last")
    left = exists().where(last.c.id == _REQUESTERS.c.merged_into, last.c.merged_into.is_(None))
    query = select(_REQUESTERS.c.id, _REQUESTERS.c.merged_into).where(
        _REQUESTERS.c.merged_into.is_not(None), ~left
    )
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the checks of requesters."""
    yield Check(
        "tickets-of-requesters",
        "every ticket belongs to a requester who is there",
        _tickets,
        lambda row: (
            f"ticket {row['number']} has the requester {row['requester_id']}, "
            + (
                f"who was merged into {row['merged_into']}; merge them again to move it"
                if row["merged_into"]
                else "who is not there"
            )
        ),
    )
    yield Check(
        "requesters-shown",
        "every ticket shows the requester whom it has",
        _shown,
        lambda row: (
            f"ticket {row['number']} has the requester {row['requester_id']} and shows "
            f"{row['shown']}"
        ),
    )
    yield Check(
        "addresses-of-requesters",
        "every address belongs to a requester who is there",
        _identities,
        lambda row: f"the {row['id']} belongs to {row['requester_id']}, who is not there",
    )
    yield Check(
        "merged-requesters",
        "every merged requester leads to one who is there",
        _chains,
        lambda row: f"{row['id']} was merged into {row['merged_into']}, who is not there",
    )
