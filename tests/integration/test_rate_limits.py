"""Limits of how often a key may call, and floods of keys that nobody knows."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from services.cli.keys import keys
from services.intake import repository
from services.intake.api.auth import UNKNOWN_PER_S
from shared.db.engine import Database
from shared.db.models import ApiKey
from shared.domain.rate import RateClass
from shared.settings import Settings
from tests.api_keys import create_key
from tests.desk import Desk, ticket_body
from tests.problems import assert_problem
from tests.rows import rows

pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)

POLICY = re.compile(r'"(read|write|bulk)";q=(\d+);w=60')
STATE = re.compile(r'"(read|write|bulk)";r=(\d+);t=(\d+)')


@pytest.fixture
def limited(settings: Settings, new_desk: Callable[..., Desk]) -> Desk:
    """A process with limits of 5 for reading and 3 for writing."""
    return new_desk(replace(settings, read_limit_per_minute=5, write_limit_per_minute=3))


def test_without_a_limit_there_are_no_headers(desk: Desk) -> None:
    response = desk.call("GET", "/v1/agents")
    assert not [name for name, _ in response.headers if name.startswith("RateLimit")]


def test_each_answer_says_what_is_left(limited: Desk) -> None:
    for left in (4, 3):
        headers = limited.call("GET", "/v1/agents").headers
        assert headers["RateLimit-Policy"] == '"read";q=5;w=60'
        assert POLICY.fullmatch(headers["RateLimit-Policy"])
        [(name, remaining, seconds)] = STATE.findall(headers["RateLimit"])
        assert (name, int(remaining)) == ("read", left)
        assert 1 <= int(seconds) <= 60


def test_beyond_the_limit_it_is_429_and_nothing_is_done(limited: Desk) -> None:
    for _ in range(3):
        limited.ticket()
    response = limited.call("POST", "/v1/tickets", ticket_body())
    problem = assert_problem(response, 429, "quota-exceeded")
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert problem["violated-policies"] == ["write"]
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.headers["RateLimit"].startswith('"write";r=0;t=')
    assert limited.call("GET", "/v1/agents").status_code == 200


def test_refused_requests_count_too(limited: Desk) -> None:
    for _ in range(3):
        assert limited.call("POST", "/v1/tickets", {}).status_code == 422
    assert limited.call("POST", "/v1/tickets", ticket_body()).status_code == 429


def test_each_key_has_its_own_quota_and_may_have_its_own_limit(
    limited: Desk, database: Database
) -> None:
    assert [limited.call("POST", "/v1/tickets", {}).status_code for _ in range(4)][-1] == 429
    other = Desk(limited.app, create_key(database, "other", ["*"]))
    assert other.call("POST", "/v1/tickets", {}).status_code == 422
    limits = {RateClass.WRITE: 1, RateClass.READ: 0}
    own = Desk(limited.app, create_key(database, "own", ["*"], limits=limits))
    assert [own.call("POST", "/v1/tickets", {}).status_code for _ in range(2)] == [422, 429]
    assert {own.call("GET", "/v1/agents").status_code for _ in range(9)} == {200}


@pytest.mark.parametrize("rate", ["write", "write=", "write=-1", "sing=1", "write=1.5", "bulk=x"])
def test_the_command_refuses_what_is_no_rate(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate: str
) -> None:
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", settings.database_url)
    done = CliRunner().invoke(keys, ["create", "--name", "a", "--scope", "*", "--rate", rate])
    assert done.exit_code == 2
    assert "write=600" in done.output


def test_the_command_gives_a_key_its_limits(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", settings.database_url)
    arguments = ["create", "--name", "a", "--scope", "*", "--rate", "write=600", "--rate", "bulk=0"]
    assert CliRunner().invoke(keys, arguments).exit_code == 0
    [row] = rows(database, ApiKey)
    assert (row["read_limit"], row["write_limit"], row["bulk_limit"]) == (None, 600, 0)
    assert "write=600  bulk=0" in CliRunner().invoke(keys, ["list"]).output


class CountedLookups:
    """Counts how often the database is asked for a key."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        ask = repository.key_by_digest

        def counted(*arguments: Any) -> Any:
            self.count += 1
            return ask(*arguments)

        monkeypatch.setattr(repository, "key_by_digest", counted)


def test_a_flood_of_unknown_keys_asks_the_database_a_few_times_a_second(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.call("GET", "/v1/agents").status_code == 200
    lookups = CountedLookups(monkeypatch)
    flood = Desk(desk.app, "")
    statuses = []
    for number in range(10 * UNKNOWN_PER_S):
        flood.token = f"pbk_made_up_{number}"
        statuses.append(flood.call("GET", "/v1/agents").status_code)
    assert set(statuses) <= {401, 503}
    assert lookups.count == statuses.count(401) < len(statuses)
    assert desk.call("GET", "/v1/agents").status_code == 200


def test_the_same_unknown_key_is_looked_up_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups = CountedLookups(monkeypatch)
    stranger = Desk(desk.app, "pbk_nobody")
    statuses = {stranger.call("GET", "/v1/agents").status_code for _ in range(50)}
    assert (statuses, lookups.count) == ({401}, 1)
