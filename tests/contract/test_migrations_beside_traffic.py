"""Migrations beside others who use the tables: PostgreSQL's locks, waited for with care."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import inspect

from shared.db import schema
from shared.db.engine import Database
from shared.db.migrating import Patience
from shared.domain.errors import Unavailable
from tests.commands import run_command
from tests.later_releases import migration, write_later
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("mode", ["distributed"], indirect=True)

BODY = 'op.add_column("skills", sa.Column("shade", sa.Text(), nullable=True))'
INDEX = 'create_index("ix_skills_shade", "skills", ["description"], where="name > \'a\'")'
QUICK = Patience(total_s=20, lock_s=0.2, rest_s=0.1)


@pytest.fixture
def database(new_migrated_database: Callable[[], Database]) -> Database:
    return new_migrated_database()


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Adds migrations to this release, one after the other."""

    def add(*bodies: str) -> None:
        after, added = schema.newest_revision(), {}
        for number, body in enumerate(bodies):
            revision = f"800{number}"
            added[revision] = migration(revision, body, compatible_with=after, after=after)
            after = revision
        folder = write_later(tmp_path / "later", added)
        monkeypatch.setattr(schema, "_MIGRATIONS", folder)

    return add


def test_it_waits_for_a_long_transaction_without_standing_in_anybodys_way(database, later) -> None:
    later(INDEX, BODY)
    said: list[str] = []
    with ThreadPoolExecutor(1) as pool, database.engine.connect() as reader:
        pid = reader.exec_driver_sql(
            "SELECT pg_backend_pid() FROM skills RIGHT JOIN (SELECT 1) x ON true"
        ).scalar_one()
        migrating = pool.submit(schema.migrate, database, said.append, QUICK)
        eventually(lambda: sum("Trying again" in line for line in said) >= 2)
        waited = max(_time_to_read(database) for _ in range(30))
        assert not migrating.done()
        reader.rollback()
        assert migrating.result(20)[1] == "8001"
    assert waited < QUICK.lock_s + 1
    blamed = [line for line in said if "Trying again" in line]
    assert all(f"process {pid} (patchbay, idle in transaction, " in line for line in blamed)
    assert [line for line in said if line[:2] == "80"] == [
        "8000: What a later release adds.",
        "8001: What a later release adds.",
    ]
    [index] = inspect(database.engine).get_indexes("skills")
    assert index["name"] == "ix_skills_shade"


def _time_to_read(database: Database) -> float:
    began = monotonic()
    with database.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM skills")
    return monotonic() - began


def test_it_gives_up_when_its_time_is_over_and_says_who_was_in_the_way(database, later) -> None:
    later(BODY)
    with database.engine.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM skills")
        done = run_command(
            "migrate", "--wait-s", "0.2", environment={"PATCHBAY_DATABASE_URL": database.url}
        )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Gave up after 0 s: a table is held by process" in done.stderr
    assert schema.current_revision(database) != "8000"
    assert "shade" not in {each["name"] for each in inspect(database.engine).get_columns("skills")}


def test_an_index_waits_for_no_longer_than_there_is_time(database, later) -> None:
    """Also with no time at all, which to PostgreSQL's limit for a lock would be all there is."""
    later(INDEX)
    with database.engine.connect() as writer:
        writer.exec_driver_sql("UPDATE skills SET name = name WHERE false")
        for wait_s in (0.0, 0.5):
            began = monotonic()
            with pytest.raises(Unavailable, match="Gave up"):
                schema.migrate(database, patience=Patience(total_s=wait_s, rest_s=0.1))
            assert monotonic() - began < wait_s + 2
        writer.rollback()
    assert schema.migrate(database)[1] == "8000"


def test_of_two_at_once_one_migrates_and_the_other_waits(database, later) -> None:
    later(BODY, INDEX)
    begin = threading.Barrier(3)
    said: list[str] = []

    def migrate() -> tuple[str | None, str | None]:
        own = Database(database.url)
        try:
            begin.wait()
            return schema.migrate(own, said.append, QUICK)
        finally:
            own.close()

    with ThreadPoolExecutor(3) as pool:
        results = [each.result(20) for each in [pool.submit(migrate) for _ in range(3)]]
    assert {after for _, after in results} == {"8001"}
    assert sum(line.startswith("800") for line in said) == 2


def test_one_that_has_no_turn_gives_up_too(database, later) -> None:
    later(BODY)
    with database.engine.connect() as other:
        assert database.dialect.claim_migration(other)
        with pytest.raises(Unavailable, match="Another patchbay migrate"):
            schema.migrate(database, patience=Patience(total_s=0.1, rest_s=0.05))
        other.invalidate()
    assert schema.migrate(database)[1] == "8000"


def test_an_index_that_was_broken_off_is_built_anew(database, later) -> None:
    later(INDEX)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE INDEX ix_skills_shade ON skills (name)")
        connection.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_skills_shade'::regclass"
        )
    schema.migrate(database)
    [index] = inspect(database.engine).get_indexes("skills")
    assert index["column_names"] == ["description"]
