"""`patchbay verify --chaos`: a proof by kills on a copy, that leaves what is live as it was."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import make_url, select, text

from services.chaos.configuration import read_configuration, write_configuration
from services.chaos.copied_desk import furnished_desk
from services.chaos.errors import ChaosError
from services.chaos.leftovers import Leftovers
from services.chaos.names import new_name
from services.chaos.nemeses import NEMESES
from services.chaos.place import new_place
from services.chaos.schedule import plan
from shared.db.engine import Database
from shared.db.models.base import Base
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import SystemClock
from shared.domain.work import ListName
from shared.messaging.broker_look import QueueLook, look_at
from shared.messaging.own_queues import delete_queues
from shared.settings import Settings
from tests.commands import Done, run_command
from tests.desk import Desk
from tests.fixtures.modes import Mode
from tests.processes import environment
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
#: One strike, a second after the traffic began.
MINUTES = "0.05"
#: What a copy is called, in the database server and on the broker.
OURS = "patchbay_chaos_"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def configured(desk: Desk, settings: Settings) -> Settings:
    """A desk with teams, skills, hours, rules, and tickets that must stay as they are."""
    calendar = {"name": "office", "title": "Office", "time_zone": "Europe/Berlin", "hours": {}}
    desk.ok("POST", "/v1/calendars", calendar)
    desk.ok("POST", "/v1/teams", {"name": "network", "title": "Network"})
    desk.ok("POST", "/v1/teams", {"name": "office", "title": "Office", "calendar": "office"})
    desk.ok("POST", "/v1/skills", {"name": "vpn"})
    profile = {"offer_s": 60, "priority_weights": {"critical": 2}}
    desk.ok("PUT", "/v1/routing/profiles/default", profile)
    for number in range(4):
        agent = {
            "name": f"Somebody {number}",
            "email": f"somebody{number}@desk.example",
            "capacity": 20,
            "teams": ["network", "office"],
            "skills": [{"skill": "vpn", "level": 3}],
        }
        desk.ok("POST", "/v1/agents", agent)
    rule = {
        "name": "vpn",
        "when": 'ticket.category == "vpn"',
        "then": {"team": "network", "delay": "10m", "tags": ["by-rule"]},
    }
    desk.ok("PUT", "/v1/routing/rules", {"rules": [rule]})
    requester = {"name": "Mira", "email": "mira@customer.example"}
    desk.ok("POST", "/v1/tickets", {"subject": "Live", "requester": requester})
    return settings


def chaos(settings: Settings, *arguments: str, **changed: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "services.cli", "verify", "--chaos", "--seed", "7"]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env={**environment(settings), **changed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def digests(settings: Settings) -> dict[str, str]:
    """Return a digest of the rows of every table."""
    found = {}
    with closing(Database(settings.database_url, 1)) as database, database.reading() as connection:
        for each in Base.metadata.sorted_tables:
            rows = sorted(map(repr, connection.execute(select(each)).all()))
            found[each.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def is_there(settings: Settings, copy: str) -> bool:
    """Tell whether the database of a copy is on the server, which other tests use, too."""
    query = text("SELECT 1 FROM pg_database WHERE datname = :copy")
    with closing(Database(settings.database_url, 1)) as database, database.reading() as connection:
        return connection.execute(query, {"copy": copy}).first() is not None


def name_in(said: str) -> str:
    """Return what a proof calls its copy, by what it says."""
    (name,) = set(re.findall(rf"{OURS}\w+", said))
    return str(name)


def lives(process: psutil.Process) -> bool:
    """Tell whether a process, perhaps not of ours, does anything yet."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def rung(settings: Settings) -> Mapping[ListName, QueueLook | None]:
    """Return the live queues, once the ticket has been rung for."""
    queues = look_at(settings.broker_url).queues
    return queues if queues[ListName.ROUTING] else {}


def judged(settings: Settings, history: Path) -> Done:
    changed = {"PATCHBAY_DATABASE_URL": settings.database_url}
    return run_command("verify", "--replay", history, "--json", environment=changed)


def test_a_sound_desk_passes_and_its_own_rows_and_queues_stay_as_they_were(
    configured: Settings, tmp_path: Path, mode: Mode
) -> None:
    with closing(Database(configured.database_url, 1)) as database:
        SigningKeys(database, SystemClock()).sign("test", "makes the first secret")
    before, history = digests(configured), tmp_path / "history.ndjson"
    queues = eventually(lambda: rung(configured)) if mode.distributed else {}
    run = chaos(
        configured, "--json", "--minutes", MINUTES, "--history", str(history), TMPDIR=str(tmp_path)
    )
    output, errors = run.communicate()
    assert run.returncode == 0, output + errors
    told = json.loads(output)
    assert (told["sound"], told["lost"], told["doubled"], told["violations"]) == (True, 0, 0, [])
    assert told["strikes"] == 1
    assert told["assigned"] > 0
    assert told["mails"] > 0
    assert digests(configured) == before
    assert not list(tmp_path.glob("patchbay-chaos-*"))
    if mode.distributed:
        name = name_in(errors)
        assert not is_there(configured, name)
        assert rung(configured) == queues
        assert set(look_at(configured.broker_url, f"{name}.").queues.values()) == {None}
    # Two were told, each of what it asked for.
    lines = history.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    asked = {each["receiver"]: each["event_types"] for each in events if "event_types" in each}
    assert [*asked.values()] == [[], ["ticket.assigned", "ticket.resolved"]]
    assert {each["receiver"] for each in events if each["kind"] == "arrived"} == asked.keys()
    # Judged again, nothing else is found; by the desk that signed it.
    assert judged(configured, history).returncode == 0
    assert json.loads(lines[-1])["signature"]
    # A history that somebody has touched up says nothing.
    history.write_text("\n".join([*lines[:-2], lines[-1]]) + "\n")
    assert judged(configured, history).returncode == 2
    text_ = json.dumps(events)
    assert "somebody" not in text_.lower()
    assert "customer.example" not in text_


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_bug_in_the_installation_is_found_and_is_found_again_in_the_history(
    configured: Settings, tmp_path: Path
) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(
        "from tests.faults.planted import plant\nplant('believes_that_it_sent')\n"
    )
    history, path = tmp_path / "history.ndjson", os.pathsep.join([str(planted), str(ROOT)])
    run = chaos(configured, "--minutes", MINUTES, "--history", str(history), PYTHONPATH=path)
    output, errors = run.communicate()
    assert run.returncode == 1, output + errors
    assert "an event did not reach the subscriber" in output
    again = judged(configured, history)
    assert again.returncode == 1
    assert json.loads(again.stdout)["lost"] > 0


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_whoever_interrupts_it_finds_nothing_left_behind(
    configured: Settings, tmp_path: Path
) -> None:
    run = chaos(configured, TMPDIR=str(tmp_path))
    children = eventually(
        lambda: [p for p in psutil.Process(run.pid).children() if "router" in p.cmdline()]
    )
    family = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGINT)
    # Impatience does not help: while it cleans up nothing interrupts it.
    eventually(lambda: [each for each in family if not lives(each)])
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate()
    assert run.returncode == 130, errors
    assert "everything is stopped and deleted" in errors
    assert children
    # One that has ended may still have to be reaped.
    assert not [each for each in family if lives(each)]
    assert not is_there(configured, name_in(errors))
    assert not list(tmp_path.glob("patchbay-chaos-*"))


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_a_role_that_may_make_no_database_is_told_which_right_is_missing(
    configured: Settings,
) -> None:
    live = Database(configured.database_url, 1)
    with closing(live), live.engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS chaos_reader"))
        connection.execute(text("CREATE ROLE chaos_reader LOGIN"))
        connection.execute(text("GRANT pg_read_all_data TO chaos_reader"))
    url = live.engine.url.set(username="chaos_reader").render_as_string(hide_password=False)
    changed = {
        "PATCHBAY_DATABASE_URL": url,
        "PATCHBAY_BROKER_URL": configured.broker_url,
    }
    done = run_command("verify", "--chaos", environment=changed)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Could not check: The role chaos_reader may make no database")
    assert "ALTER ROLE chaos_reader CREATEDB" in last


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_a_url_that_names_its_database_twice_leads_nobody_to_the_live_one(
    configured: Settings, tmp_path: Path
) -> None:
    url, before, left = make_url(configured.database_url), digests(configured), Leftovers()
    twice = url.update_query_dict({"dbname": str(url.database)})
    settings = replace(configured, database_url=twice.render_as_string(hide_password=False))
    with closing(Database(settings.database_url, 1)) as live:
        configuration = read_configuration(live)
    with new_place(settings, tmp_path, new_name(), left) as place:
        furnished_desk(place, configuration)
        with closing(Database(place.database_url, 1)) as copy, copy.reading() as connection:
            found = connection.exec_driver_sql("SELECT current_database()").scalar_one()
            assert connection.exec_driver_sql("SELECT count(*) FROM agents").scalar_one() == 4
        assert found == place.name
        # A pooler does that, too.
        elsewhere = replace(place, database_url=configured.database_url)
        with pytest.raises(ChaosError, match=f"database {place.name} is led to {url.database}"):
            furnished_desk(elsewhere, configuration)
    assert digests(configured) == before
    assert not left.found
    assert not is_there(configured, place.name)


def test_a_configuration_is_written_over_no_desk_at_work(configured: Settings) -> None:
    before = digests(configured)
    with closing(Database(configured.database_url, 1)) as live:
        configuration = read_configuration(live)
        with pytest.raises(ChaosError, match="nothing was written"):
            write_configuration(live, configuration, SystemClock().now())
    assert digests(configured) == before


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_killed_itself_it_leaves_no_process_and_doctor_names_its_database(
    configured: Settings, tmp_path: Path
) -> None:
    run = chaos(configured, TMPDIR=str(tmp_path))
    assert run.stderr is not None
    # All are ready after the first strike: those that intake forked are among them.
    said = ""
    while (line := run.stderr.readline()) and not line.startswith("[1/"):
        said += line
    name = name_in(said)
    family = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.communicate()
    eventually(lambda: not [each for each in family if lives(each)])
    assert is_there(configured, name)
    changed = {"PATCHBAY_DATABASE_URL": configured.database_url}

    def told() -> bool:
        done = run_command("doctor", "--only=database", environment=changed)
        return f"DROP DATABASE {name}" in done.stdout

    # Not while its sessions end: then a proof would seem to run.
    eventually(told)
    live = Database(configured.database_url, 1)
    with closing(live), live.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.execute(text(f"DROP DATABASE {name}"))
    delete_queues(configured.broker_url, f"{name}.")


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_process_that_does_not_come_back_is_a_broken_promise_with_its_reason(
    configured: Settings, tmp_path: Path
) -> None:
    planted, lived = tmp_path / "planted", tmp_path / "lived"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(
        "import os, pathlib, sys\n"
        f"lived = pathlib.Path({str(lived)!r})\n"
        "if 'serve' in sys.orig_argv:\n"
        "    if lived.exists():\n"
        "        print('the plug is out', file=sys.stderr, flush=True)\n"
        "        os._exit(3)\n"
        "    lived.touch()\n"
    )
    killed = next(each for each in NEMESES if each.startswith("killed"))
    seed = next(n for n in range(99) if plan(n, 3.0, ["serve"], [*NEMESES])[0].nemesis == killed)
    history, path = tmp_path / "history.ndjson", os.pathsep.join([str(planted), str(ROOT)])
    arguments = ("--minutes", MINUTES, "--seed", str(seed), "--history", str(history))
    run = chaos(configured, *arguments, PYTHONPATH=path)
    output, errors = run.communicate()
    assert run.returncode == 1, output + errors
    assert "did not come back" in output
    assert "serve did not become ready: the plug is out" in output
    logs = tmp_path / "history.ndjson.logs"
    assert "the plug is out" in (logs / "serve-2.log").read_text()
    assert judged(configured, history).returncode == 1


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_history_that_cannot_be_written_is_known_before_the_start(
    configured: Settings, tmp_path: Path
) -> None:
    history = tmp_path / "history.ndjson"
    history.write_text("of another run")
    run = chaos(configured, "--history", str(history))
    _, errors = run.communicate()
    assert run.returncode == 2
    assert "is there already" in errors
    assert "Starting" not in errors
    assert history.read_text() == "of another run"
