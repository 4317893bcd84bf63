"""Rule sets of before: conditions on fields become CEL that means the same, on both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from hypothesis import given
from hypothesis import strategies as st

from services.router.rules import apply_rules, parse_rules
from shared.db import schema
from shared.db.engine import Database
from shared.db.migrations.versions import __path__ as versions
from shared.db.models import ConfigurationVersion, RoutingRules
from shared.db.types import Document, UTCDateTime
from shared.schemas.rules import PutRulesSchema
from tests.modules import load_module
from tests.rows import rows
from tests.ticket_rows import ticket_row

MIGRATION = load_module(f"{versions[0]}/0002_rules_in_cel.py")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = sa.table(
    "routing_rules",
    sa.column("version", sa.Integer()),
    sa.column("rules", Document),
    sa.column("created_at", UTCDateTime()),
)


@pytest.fixture
def before(new_database: Callable[[], str]) -> Iterator[Database]:
    """A database at the revision before."""
    database = Database(new_database())
    move(database, "0001")
    yield database
    database.close()


def move(database: Database, revision: str) -> None:
    config = schema._config()
    with database.engine.connect() as connection:
        database.dialect.prepare_migration(connection, 10)
        config.attributes["connection"] = connection
        step = command.downgrade if revision == "base" else command.upgrade
        step(config, revision)
        connection.commit()
        connection.invalidate()


def store(database: Database, *rule_sets: list[dict[str, Any]]) -> None:
    with database.engine.begin() as connection:
        for version, rule_set in enumerate(rule_sets, 1):
            row = {"version": version, "rules": rule_set, "created_at": NOW}
            connection.execute(sa.insert(BEFORE).values(row))


def matched(rule: dict[str, Any], ticket: dict[str, Any]) -> bool:
    """What a condition on fields meant: each field has one of its values."""
    for field, wanted in rule["when"].items():
        value = ticket[field]
        if not set(wanted) & set(value if isinstance(value, list) else [value]):
            return False
    return True


def fired(converted: list[dict[str, Any]], ticket: dict[str, Any]) -> bool:
    return bool(apply_rules(parse_rules(1, converted, "UTC"), ticket, NOW).fired)


def test_stored_rule_sets_become_cel_and_nothing_else_changes(before: Database) -> None:
    then = {"team": "network", "required_skills": [{"skill": "vpn", "level": 2}], "stop": True}
    old = [
        {"name": "one", "when": {"category": ["vpn"], "tags": ["a", "b"]}, "then": then},
        {"name": "two", "when": {"product": ['say "hi"\\', "é😀"]}, "then": {"stop": False}},
        {"name": "two", "when": {"tags": ["remote"]}, "then": {}},
        {"name": "all", "when": {}, "then": {"priority": "low"}},
    ]
    store(before, [], old)
    schema.migrate(before)
    empty, converted = rows(before, RoutingRules)
    assert (empty["rules"], empty["rule_count"], empty["time_zone"]) == ([], 0, "UTC")
    assert (converted["rule_count"], converted["created_at"]) == (4, NOW)
    assert converted["rules"] == [
        {
            "name": "one",
            "when": 'ticket.category == "vpn" && ticket.tags.exists(tag, tag in ["a", "b"])',
            "then": then,
        },
        {
            "name": "two",
            "when": 'ticket.product in ["say \\"hi\\"\\\\", "é😀"]',
            "then": {"stop": False},
        },
        {"name": "two (2)", "when": '"remote" in ticket.tags', "then": {}},
        {"name": "all", "when": "true", "then": {"priority": "low"}},
    ]
    PutRulesSchema().load({"rules": converted["rules"]})
    [configuration] = rows(before, ConfigurationVersion)
    assert configuration["version"] == 2


def test_going_back_is_refused_while_there_are_rules(before: Database) -> None:
    store(before, [{"name": "one", "when": {}, "then": {}}])
    schema.migrate(before)
    with pytest.raises(RuntimeError, match="restore a backup"):
        move(before, "base")
    # Later revisions may be gone; the rules are there as they were.
    assert schema.current_revision(before) in ("0002", schema.newest_revision())
    schema.migrate(before)
    assert len(rows(before, RoutingRules)) == 1


FIELDS = ("type", "category", "product", "severity", "impact", "urgency", "priority", "channel")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES = st.sampled_from(["vpn", "high", "email", "a", "b"]) | WORDS
CONDITIONS = st.dictionaries(
    st.sampled_from([*FIELDS, "team", "tags"]), st.lists(VALUES, min_size=1, max_size=5), max_size=4
)
TICKETS = st.fixed_dictionaries(
    {field: st.none() | VALUES for field in ("category", "product")}
).map(lambda changed: ticket_row(**changed))


@given(CONDITIONS, TICKETS, st.lists(VALUES, max_size=3))
def test_any_condition_means_the_same_as_before(
    when: dict[str, list[str]], ticket: dict[str, Any], tags: list[str]
) -> None:
    rule = {"name": "any", "when": when, "then": {}}
    ticket = {**ticket, "tags": tags}
    assert fired(MIGRATION.convert([rule]), ticket) == matched(rule, ticket)


def test_a_condition_that_would_be_too_long_becomes_several_rules() -> None:
    values = [f"{number:0128d}" for number in range(500)]
    rule = {"name": "n" * 128, "when": {"category": values, "team": ["a"]}, "then": {"stop": True}}
    converted = MIGRATION.convert([rule])
    PutRulesSchema().load({"rules": converted})
    for value in values:
        assert fired(converted, ticket_row(category=value, team="a"))
        assert not fired(converted, ticket_row(category=value))
    assert not fired(converted, ticket_row(category="other", team="a"))
