"""Orphans: rows that name another which is not there, where no foreign key keeps them from it.

`docs/adr/0011-few-foreign-keys.md` says which those are. Each reference is one check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, exists, select

from shared.db.models import (
    Agent,
    Assignment,
    Attachment,
    Comment,
    Decision,
    Delivery,
    DeliveryAttempt,
    EndpointHealth,
    SearchDocument,
    Subscription,
    Ticket,
)
from shared.db.models.base import Base, table
from shared.db.soundness.check import Check, Question


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names a row of another table. `key` tells its own row."""

    child: type[Base]
    column: str
    parent: type[Base]
    key: str = "id"
    mends: str = ""

    @property
    def name(self) -> str:
        """Return what the check is called."""
        return f"orphans-{self.source.name.replace('_', '-')}-{self.column.replace('_', '-')}"

    @property
    def source(self) -> Table:
        """Return the table of what may be an orphan."""
        return table(self.child)

    def question(self) -> Question:
        """Return the query for orphans."""
        source, target = self.source, table(self.parent).alias("parent")
        named: ColumnElement[str] = source.c[self.column]
        query = select(source.c[self.key].label("id"), named.label("named")).where(
            named.is_not(None), ~exists().where(target.c.id == named)
        )
        return Question(query)


_DELETED = "deletes the row, which nobody reads"

REFERENCES: Sequence[Reference] = (
    Reference(Ticket, "merged_into_id", Ticket),
    Reference(Ticket, "offered_to", Agent),
    Reference(Ticket, "former_agent_id", Agent),
    Reference(Assignment, "decision_id", Decision),
    Reference(Attachment, "ticket_id", Ticket),
    Reference(Attachment, "comment_id", Comment),
    Reference(Decision, "ticket_id", Ticket),
    Reference(DeliveryAttempt, "delivery_id", Delivery, mends=_DELETED),
    Reference(EndpointHealth, "subscription_id", Subscription, "subscription_id", _DELETED),
    Reference(SearchDocument, "ticket_id", Ticket, "ticket_id"),
)


def checks() -> Iterator[Check]:
    """Yield a check for each reference."""
    for each in REFERENCES:
        yield _check(each)


def _check(reference: Reference) -> Check:
    what, parent = reference.source.name, table(reference.parent).name
    return Check(
        reference.name,
        f"every {reference.column} in {what} is in {parent}",
        lambda _: reference.question(),
        lambda row: f"{what} {row['id']} names {row['named']}, which is not in {parent}",
        reference.mends,
    )
