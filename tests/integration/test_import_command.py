"""`patchbay import`: files of any kind, once each, with every refused line written down."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from werkzeug.serving import make_server

from services.cli.importing.command import import_
from services.cli.main import cli
from shared.db.engine import Database
from shared.db.models import OutboxEntry, Ticket
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.bulk import bulk_tickets, ndjson
from tests.desk import Desk, ticket_body
from tests.rows import rows
from tests.waiting import in_threads

Import = Callable[..., Result]


@pytest.fixture
def url(desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]) -> Iterator[str]:
    """The API over a socket, with intake's worker beside it."""
    start_host(runtime, ("intake",))
    app: Flask = desk.app
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bring(url: str, desk: Desk) -> Import:
    """Runs the command."""

    def run(*arguments: Any, **more: Any) -> Result:
        given = [str(each) for each in arguments]
        return CliRunner().invoke(import_, [*given, "--url", url, "--key", desk.token], **more)

    return run


def write(path: Path, documents: Any) -> Path:
    path.write_bytes(ndjson(documents))
    return path


def subjects(database: Database) -> list[str]:
    return sorted(row["subject"] for row in rows(database, Ticket))


def test_lines_of_json_become_tickets_once(
    bring: Import, tmp_path: Path, database: Database
) -> None:
    file = write(tmp_path / "tickets.ndjson", [ticket_body(subject=f"T{n}") for n in range(3)])
    first = bring(file)
    assert first.exit_code == 0, first.output
    assert "3 tickets made, 0 were there, 0 refused" in first.output
    # The same file again is the same import, although no line has a key of its own.
    assert bring(file).exit_code == 0
    assert subjects(database) == ["T0", "T1", "T2"]
    assert not Path(f"{file}.errors.ndjson").exists()


def test_refused_lines_are_written_down_with_their_tickets(bring: Import, tmp_path: Path) -> None:
    bad = ticket_body(subject="")
    file = write(tmp_path / "tickets.ndjson", [ticket_body(), "", "torn", bad])
    done = bring(file)
    assert done.exit_code == 1, done.output
    assert "1 tickets made, 0 were there, 2 refused" in done.output
    lines = Path(f"{file}.errors.ndjson").read_text().splitlines()
    torn, empty = (json.loads(line) for line in lines)
    assert (torn["line"], torn["ticket"], torn["problem"]["code"]) == (
        3,
        "torn",
        "malformed-request",
    )
    assert (empty["line"], empty["ticket"]) == (4, bad)
    assert empty["problem"]["errors"][0]["pointer"] == "/subject"


def test_a_dry_run_makes_nothing(bring: Import, tmp_path: Path, database: Database) -> None:
    file = write(tmp_path / "tickets.ndjson", [ticket_body(), ticket_body(subject="")])
    done = bring(file, "--dry-run")
    assert done.exit_code == 1
    assert "1 tickets would be made" in done.output
    assert rows(database, Ticket) == []
    assert "1 tickets made" in bring(file).output


@pytest.mark.parametrize("name", ["tickets.ndjson.gz", "whatever"])
def test_packed_files_and_standard_input(
    bring: Import, tmp_path: Path, database: Database, name: str
) -> None:
    packed = gzip.compress(ndjson([ticket_body(subject="packed")]))
    (tmp_path / name).write_bytes(packed)
    assert bring(tmp_path / name).exit_code == 0
    assert subjects(database) == ["packed"]


def test_standard_input_is_read_too(
    url: str, desk: Desk, database: Database, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "import", "-", "--url", url, "--key", desk.token],
        input=ndjson([ticket_body(subject="piped")]),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert subjects(database) == ["piped"]


def test_csv_is_mapped_by_its_header_and_by_hand(
    bring: Import, tmp_path: Path, database: Database
) -> None:
    file = tmp_path / "export.csv"
    file.write_text(
        "ID;Titel;Beschreibung;Name;E-Mail;Priorität;Tags;Sitze\r\n"
        '7;VPN;"Line one\r\nline two";Mira;mira@example.com;Hoch;vpn, Laptop;250\r\n'
        "8;Mail;;Ann;ann@example.com;Low;;\r\n",
        encoding="cp1252",
    )
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("values: {priority: {Hoch: high}}\n")
    done = bring(
        file, "--encoding", "cp1252", "--mapping", mapping, "--map", "custom_fields.seats=Sitze"
    )
    assert done.exit_code == 0, done.output
    vpn, mail = sorted(rows(database, Ticket), key=lambda row: row["external_id"])
    assert vpn["description"] == "Line one\r\nline two"
    assert (vpn["priority"], vpn["tags"], vpn["custom_fields"]) == (
        "high",
        ["vpn", "laptop"],
        {"seats": "250"},
    )
    assert (mail["subject"], mail["priority"], mail["custom_fields"]) == ("Mail", "low", {})
    assert mail["requester"]["email"] == "ann@example.com"


def test_russian_csv_in_an_old_encoding(bring: Import, tmp_path: Path, database: Database) -> None:
    file = tmp_path / "выгрузка.csv"
    file.write_text("Тема,Описание,Имя\nПринтер,Не печатает,Мира\n", encoding="cp1251")
    done = bring(file)
    assert done.exit_code == 2
    assert "--encoding cp1251" in done.output
    assert bring(file, "--encoding", "cp1251").exit_code == 0
    assert subjects(database) == ["Принтер"]


def test_errors_in_csv_name_the_line_of_the_file(bring: Import, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text('subject,name\n"two\nlines",Mira\n,Ann\n')
    assert bring(file).exit_code == 1
    [refused] = Path(f"{file}.errors.ndjson").read_text().splitlines()
    assert json.loads(refused)["line"] == 4


def test_the_past_of_tickets_comes_along_silently(
    bring: Import, tmp_path: Path, database: Database
) -> None:
    file = tmp_path / "old.csv"
    file.write_text(
        "number,subject,name,status,created,resolved,solution\n"
        "41,VPN,Mira,closed,2024-03-01 09:00,2024-03-02 10:00,A new cable.\n"
    )
    assert bring(file, "--mode", "import", "--time-zone", "Europe/Berlin").exit_code == 0
    [ticket] = rows(database, Ticket)
    assert (ticket["number"], ticket["status"]) == (41, "closed")
    assert ticket["created_at"].isoformat() == "2024-03-01T08:00:00+00:00"
    assert ticket["resolution"]["summary"] == "A new cable."
    assert rows(database, OutboxEntry) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--map", "subject=Nowhere"], "There is no column 'Nowhere'"),
        (["--map", "nothing=a"], "There is no field 'nothing'"),
        (["--time-zone", "Mars/Base"], "no time zone"),
        ([], "No column is the subject"),
    ],
)
def test_wrong_mappings_end_with_2_and_the_way_out(
    bring: Import, tmp_path: Path, arguments: list[str], said: str
) -> None:
    file = tmp_path / "export.csv"
    file.write_text("a,b\n1,2\n")
    done = bring(file, *arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_without_a_key_that_is_known_it_ends_with_2(url: str, tmp_path: Path) -> None:
    file = write(tmp_path / "tickets.ndjson", [ticket_body()])
    wrong = CliRunner().invoke(import_, [str(file), "--url", url, "--key", "pbk_wrong"])
    assert wrong.exit_code == 2
    assert "401, This API key is not known" in wrong.output
    missing = CliRunner().invoke(cli, ["import", str(file)], env={"PATCHBAY_API_KEY": ""})
    assert missing.exit_code == 2
    assert "API key" in missing.output


def test_several_slices_are_one_import(
    bring: Import, tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.importing.slices.SLICE_LINES", 100)
    lines = [*bulk_tickets(250), ticket_body(subject="")]
    file = write(tmp_path / "tickets.ndjson", lines)
    done = bring(file)
    assert "250 tickets made, 0 were there, 1 refused" in done.output
    [refused] = Path(f"{file}.errors.ndjson").read_text().splitlines()
    assert json.loads(refused)["line"] == 251
    assert len(rows(database, Ticket)) == 250


def test_two_who_import_one_file_at_once_make_each_ticket_once(
    bring: Import, tmp_path: Path, database: Database
) -> None:
    file = write(tmp_path / "tickets.ndjson", bulk_tickets(1500))
    codes = in_threads(2, lambda _: bring(file).exit_code)
    assert 0 in codes
    assert len(rows(database, Ticket)) == 1500
