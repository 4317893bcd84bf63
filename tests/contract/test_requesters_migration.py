"""Tickets of before get requesters: the same person once, batch by batch, on both databases."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, text

from shared.db import schema
from shared.db.engine import Database
from shared.db.migrations.versions import __path__ as versions
from shared.db.models import Requester, RequesterIdentity, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket, create
from shared.db.types import dump_json
from tests.factories import NOW, ticket_content
from tests.invariants import assert_sound
from tests.modules import load_module
from tests.rows import rows

MIGRATION = load_module(f"{versions[0]}/0009_requesters_of_tickets.py")

PEOPLE: list[dict[str, Any]] = [
    {"name": "Mira", "email": "mira@example.com", "phone": "+44 20 7946 0000"},
    {"email": "Mira@EXAMPLE.com", "locale": "ru"},
    {"name": "Mira", "phone": "+442079460000"},
    {"name": "Ann", "email": "ann@example.com", "phone": "+44 (0)20 7946 0000"},
    {"phone": "withheld"},
    {"phone": "withheld"},
    {"name": "Nobody", "email": None},
    {"email": "ann@example.com", "contacts": [{"type": "sip", "value": "12"}]},
]
OWNERS = [0, 0, 0, 1, 2, 3, 4, 1]


@pytest.fixture
def before(new_database: Callable[[], str]) -> Iterator[Database]:
    database = Database(new_database())
    schema.migrate(database)
    yield database
    database.close()


def move(database: Database, revision: str, step: Callable[..., None]) -> None:
    config = schema._config()
    with database.engine.connect() as connection:
        database.dialect.prepare_migration(connection, 10)
        connection.commit()
        config.attributes["connection"] = connection
        step(config, revision)
        connection.commit()
        connection.invalidate()


def go_back_with(database: Database, people: list[dict[str, Any]]) -> None:
    """Go back to the release before, with a ticket of each of these people."""
    with database.transaction() as tx:
        create(tx, [NewTicket(ticket_content(), "test", "req_1") for _ in people], NOW)
    move(database, "0004", command.downgrade)
    rewritten = text("UPDATE tickets SET requester = CAST(:requester AS json) WHERE number = :n")
    if not database.url.startswith("postgresql"):
        rewritten = text("UPDATE tickets SET requester = :requester WHERE number = :n")
    values = [{"requester": dump_json(p), "n": n} for n, p in enumerate(people, 1)]
    with database.engine.begin() as connection:
        connection.execute(rewritten, values)


def owners(database: Database) -> list[int]:
    """The requesters of the tickets, in order, counted from 0 as they first appear."""
    query = select(table(Ticket).c.requester_id).order_by(table(Ticket).c.number)
    with database.reading() as connection:
        ids = list(connection.execute(query).scalars())
    seen: dict[str | None, int] = {None: -1}
    return [seen.setdefault(each, len(seen) - 1) for each in ids]


def test_every_ticket_gets_its_requester_and_shows_it(before: Database) -> None:
    go_back_with(before, PEOPLE)
    schema.migrate(before)
    assert owners(before) == OWNERS
    by_email = {row["email"]: row for row in rows(before, Requester) if row["email"]}
    mira, ann = by_email["mira@example.com"], by_email["ann@example.com"]
    assert (mira["phone"], mira["phone_e164"]) == ("+44 20 7946 0000", "+442079460000")
    assert (ann["phone"], ann["phone_e164"]) == (None, None)
    addresses = {"mira@example.com", "+442079460000", "ann@example.com"}
    assert {row["value"] for row in rows(before, RequesterIdentity)} == addresses
    for ticket, person in zip(rows(before, Ticket), PEOPLE, strict=True):
        assert ticket["requester"] == {"id": ticket["requester_id"], **person}
        assert ticket["version"] == 1
    assert_sound(before)


def test_people_are_found_again_over_several_batches(before: Database) -> None:
    others = [{"email": f"e{number}@example.com"} for number in range(2 * MIGRATION.BATCH)]
    go_back_with(before, [*PEOPLE, *others, *PEOPLE[:4]])
    schema.migrate(before)
    found = owners(before)
    assert found[: len(PEOPLE)] == OWNERS
    assert found[len(PEOPLE) : -4] == list(range(5, 5 + len(others)))
    assert found[-4:] == OWNERS[:4]


def test_a_migration_that_was_stopped_goes_on(before: Database) -> None:
    go_back_with(before, PEOPLE)
    move(before, "0008", command.upgrade)
    with before.engine.begin() as connection:
        MIGRATION._carry_over(connection, MIGRATION._next(connection, -1)[:3])
    assert owners(before) == [0, 0, 0, -1, -1, -1, -1, -1]
    schema.migrate(before)
    assert owners(before) == OWNERS


def test_going_back_gives_tickets_the_keys_of_before(before: Database) -> None:
    go_back_with(before, PEOPLE)
    schema.migrate(before)
    move(before, "0004", command.downgrade)
    with before.engine.connect() as connection:
        query = text("SELECT requester_key FROM tickets ORDER BY number")
        keys = list(connection.execute(query).scalars())
    mira, ann = "mira@example.com", "ann@example.com"
    assert keys == [mira, mira, "+442079460000", ann, "withheld", "withheld", None, ann]
