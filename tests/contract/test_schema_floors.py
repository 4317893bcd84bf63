"""Releases side by side on one database: which schema each works on, and who says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect

from shared.db import schema
from shared.db.engine import Database
from tests.commands import run_command
from tests.later_releases import migration, write_later
from tests.migration_rules import blocks, breaks, mixed

ADD = 'op.add_column("skills", sa.Column("shade", sa.Text(), nullable=True))'


@pytest.fixture
def empty(new_database: Callable[[], str]) -> Iterator[Database]:
    database = Database(new_database())
    yield database
    database.close()


@pytest.fixture
def migrated(new_migrated_database: Callable[[], Database]) -> Database:
    return new_migrated_database()


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Runs what the block does as a later release, with one more migration."""

    @contextmanager
    def become(body: str, *, compatible_with: str | None) -> Iterator[None]:
        added = {"8000_later": migration("8000", body, compatible_with=compatible_with)}
        folder = write_later(tmp_path / "later", added)
        with monkeypatch.context() as patch:
            patch.setattr(schema, "_MIGRATIONS", folder)
            yield

    return become


def test_a_later_schema_is_worked_on_if_its_migrations_say_so(migrated, later) -> None:
    own = schema.newest_revision()
    said: list[str] = []
    with later(ADD, compatible_with=own):
        assert schema.migrate(migrated, said.append) == (own, "8000")
        assert schema.state(migrated).floor == own
    assert said == ["8000: What a later release adds."]
    schema.require_current(migrated)
    assert schema.migrate(migrated) == ("8000", "8000"), "a release of before leaves it as it is"
    environment = {"PATCHBAY_DATABASE_URL": migrated.url}
    for options in ([], ["--check"]):
        done = run_command("migrate", *options, environment=environment)
        assert done.stdout == "The schema (8000) is of a later release, and works with this one.\n"
        assert done.returncode == 0


def test_a_later_schema_that_breaks_this_release_is_refused(migrated, later) -> None:
    own = schema.newest_revision()
    with later(ADD, compatible_with=None):
        schema.migrate(migrated)
        schema.require_current(migrated)
    refusal = rf"has schema 8000, which works from 8000 on; this release knows {own}"
    with pytest.raises(schema.SchemaAhead, match=refusal):
        schema.require_current(migrated)
    done = run_command("migrate", environment={"PATCHBAY_DATABASE_URL": migrated.url})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_database_from_before_there_were_floors_gets_its_own(migrated) -> None:
    with migrated.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alembic_version DROP COLUMN floor")
    schema.require_current(migrated)
    schema.migrate(migrated)
    assert schema.state(migrated).floor in schema.state(migrated).own


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_check_says_what_is_missing_and_changes_nothing(empty) -> None:
    environment = {"PATCHBAY_DATABASE_URL": empty.url}
    absent = run_command("migrate", "--check", environment=environment)
    assert absent.returncode == 2
    assert "There is no database at" in absent.stderr
    assert inspect(empty.engine).get_table_names() == []
    without_schema = run_command("migrate", "--check", environment=environment)
    assert without_schema.returncode == 2
    assert "no schema yet" in without_schema.stderr
    assert inspect(empty.engine).get_table_names() == []


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_a_migration_that_breaks_the_release_before_says_so(empty) -> None:
    """Each that states it works with older code only adds, and stops nobody who writes."""
    sent: list[str] = []

    @event.listens_for(empty.engine, "before_cursor_execute")
    def remember(_, __, statement, *___) -> None:
        sent.append(statement)

    by_revision: dict[str, list[str]] = {}

    def done(line: str) -> None:
        by_revision[line.partition(":")[0]] = sent[:]
        sent.clear()

    schema.migrate(empty, done)
    scripts = ScriptDirectory.from_config(schema._config())
    assert list(by_revision) == schema.state(empty).own
    for revision, statements in by_revision.items():
        module = scripts.get_revision(revision).module
        assert not mixed(statements), revision
        if getattr(module, "compatible_with", revision) != revision:
            assert breaks(statements) + blocks(statements) == [], revision
