"""The rules by which migrations are judged know what breaks the release before."""

import pytest

from tests.migration_rules import blocks, breaks, mixed

TABLE = "CREATE TABLE notes (\n\tid TEXT NOT NULL, \n\tPRIMARY KEY (id)\n)"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE tickets",
        "ALTER TABLE tickets DROP COLUMN source",
        "ALTER TABLE tickets RENAME subject TO title",
        "ALTER TABLE tickets RENAME TO requests",
        "ALTER TABLE tickets ALTER COLUMN source TYPE VARCHAR(3)",
        "ALTER TABLE tickets ALTER COLUMN source SET NOT NULL",
        "ALTER TABLE tickets ALTER COLUMN source DROP DEFAULT",
        "ALTER TABLE tickets ADD COLUMN shade TEXT NOT NULL",
        "ALTER TABLE tickets ADD CONSTRAINT uq_tickets_x UNIQUE (x)",
        "CREATE UNIQUE INDEX CONCURRENTLY uq_tickets_x ON tickets (x)",
    ],
)
def test_what_takes_something_away_breaks_the_release_before(statement):
    assert breaks([statement])


@pytest.mark.parametrize(
    "statements",
    [
        [
            TABLE,
            "ALTER TABLE notes ADD CONSTRAINT x CHECK (id <> '')",
            "CREATE INDEX i ON notes (id)",
        ],
        ["ALTER TABLE tickets ADD COLUMN shade TEXT"],
        ["ALTER TABLE tickets ADD COLUMN shade TEXT DEFAULT 'red' NOT NULL"],
        ["ALTER TABLE tickets ADD CONSTRAINT c CHECK (shade <> '') NOT VALID"],
        ["CREATE INDEX CONCURRENTLY ix_tickets_x ON tickets (x) WHERE x > 1"],
        ["UPDATE alembic_version SET version_num='0024' WHERE version_num = '0023'"],
    ],
)
def test_what_only_adds_does_not(statements):
    assert not breaks(statements)
    assert not blocks(statements)


def test_an_index_on_a_table_with_rows_is_built_concurrently_and_by_itself():
    assert blocks(["CREATE INDEX ix_tickets_x ON tickets (x)"])
    online = "CREATE INDEX CONCURRENTLY ix_tickets_x ON tickets (x)"
    drop = "DROP INDEX CONCURRENTLY IF EXISTS ix_tickets_x"
    assert not mixed([drop, online, "UPDATE alembic_version SET version_num='1'"])
    assert mixed([online, "ALTER TABLE tickets ADD COLUMN shade TEXT"])
    assert not mixed(["ALTER TABLE tickets ADD COLUMN shade TEXT"])
