"""`patchbay doctor` where the mode does not matter: settings, mail, storage, this machine."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.cli.doctor.secrets import HIDDEN
from shared.ports import choose_port
from tests.clamd import Scanner
from tests.doctor import look, said, settings_of
from tests.fixtures.modes import Mode
from tests.fixtures.relays import Relay

pytestmark = [
    pytest.mark.usefixtures("clean_environment"),
    pytest.mark.parametrize("mode", ["embedded"], indirect=True),
]


@pytest.fixture
def environment(mode: Mode, tmp_path: Path) -> dict[str, str]:
    return settings_of(mode, tmp_path)


REMOTE = {
    "DATABASE_URL": "postgresql+psycopg://u:p@db.example/patchbay",
    "BROKER_URL": "amqp://u:p@mq.example/%2F",
}


def test_wrong_settings_are_all_told_with_the_name_that_was_meant(
    environment: dict[str, str],
) -> None:
    done = look(environment, "--json", PROT="80", BATCH_SIZE="many")
    assert done.returncode == 2
    assert [area for area, _ in said(done, "error")] == ["configuration"] * 2
    assert "did you mean PATCHBAY_PORT?" in done.stdout


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"HOST": "0.0.0.0"}, "PATCHBAY_PUBLIC_URL is not set"),
        ({"PUBLIC_URL": "http://help.example.com"}, "PATCHBAY_PUBLIC_URL is http://"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "trusts every address"),
        ({"WEBHOOK_ALLOWED_NETWORKS": "169.254.169.254/32"}, "169.254.169.254/32"),
        ({"WEBHOOK_ALLOW_HTTP": "1"}, "PATCHBAY_WEBHOOK_ALLOW_HTTP is on"),
        (
            {"SUPPORT_IP_LIMIT_PER_HOUR": "0", "SUPPORT_EMAIL_LIMIT_PER_HOUR": "0"},
            "the support form has no limits",
        ),
        ({"DELIVERY_RETENTION_S": "0"}, "PATCHBAY_DELIVERY_RETENTION_S is 0"),
        ({"SHUTDOWN_TIMEOUT_S": "1"}, "shorter than PATCHBAY_WEBHOOK_TIMEOUT_S"),
        (REMOTE, "the database's certificate is not verified"),
        (REMOTE, "the broker is spoken to without TLS"),
    ],
)
def test_settings_that_are_dangerous_together_are_told(
    environment: dict[str, str], changed: dict[str, str], part: str
) -> None:
    done = look(environment, "--json", "--only=configuration", **changed)
    assert [text for _, text in said(done, "note", "warning", "error") if part in text]


def test_variables_that_spans_cannot_be_made_by_are_told(environment: dict[str, str]) -> None:
    variables = {**environment, "OTEL_TRACES_SAMPLER": "sometimes"}
    done = look(variables, "--json", "--only=configuration", TRACING="otlp")
    [(_, told)] = said(done, "error")
    assert "sampler sometimes" in told


def test_a_mail_server_is_met_and_gets_no_mail(environment: dict[str, str], relay: Relay) -> None:
    done = look(environment, "--json", "--only=mail", EMAIL_URL=relay.url, EMAIL_FROM="a@b.example")
    assert (done.returncode, said(done, "warning", "error")) == (0, [])
    assert "not encrypted" in said(done, "ok")[0][1]
    assert relay.envelopes == []


def test_what_the_mail_server_refuses_is_told_without_the_password(
    environment: dict[str, str], relay: Relay
) -> None:
    place = relay.url.removeprefix("smtp://")
    done = look(environment, "--only=mail", EMAIL_URL=f"smtp://desk:s3cr3t-w0rd@{place}")
    assert done.returncode == 2
    assert "example" in done.stdout
    assert "s3cr3t-w0rd" not in done.stdout + done.stderr
    required = look(environment, "--only=mail", EMAIL_URL=f"{relay.url}?starttls=required")
    assert required.returncode == 2


def test_a_broker_that_does_not_answer_is_told(environment: dict[str, str]) -> None:
    done = look(
        environment,
        "--json",
        "--only=broker",
        BROKER_URL=f"amqp://guest:guest@127.0.0.1:{choose_port()}/",
        DATABASE_URL="postgresql+psycopg://127.0.0.1:1/x",
    )
    assert done.returncode == 2
    [(area, text)] = said(done, "error")
    assert (area, "refused" in text) == ("broker", True)


def test_a_storage_that_cannot_be_written_to_is_told(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    url = f"file:{tmp_path / 'file' / 'attachments'}"
    done = look(environment, "--json", "--only=storage", STORAGE_URL=url)
    assert done.returncode == 2
    assert "cannot be written to" in said(done, "error")[0][1]


def test_a_scanner_is_met_and_its_signatures_are_looked_at(environment: dict[str, str]) -> None:
    scanner = Scanner()
    try:
        today = datetime.now(UTC).strftime("%a %b %d %H:%M:%S %Y")
        scanner.version = f"ClamAV 1.4.1/27500/{today}".encode()
        done = look(environment, "--json", "--only=scanner", CLAMD_URL=scanner.url)
        assert (done.returncode, said(done, "warning", "error")) == (0, [])
        assert len(said(done, "ok")) == 3
        scanner.version = b"ClamAV 1.4.1/26850/Fri Mar 17 08:25:25 2023"
        done = look(environment, "--json", "--only=scanner", CLAMD_URL=scanner.url)
        assert (done.returncode, "days old" in said(done, "warning")[0][1]) == (1, True)
        scanner.version = b"ClamAV 1.4.1"
        scanner.limit = 3
        done = look(environment, "--json", "--only=scanner", CLAMD_URL=scanner.url)
        assert done.returncode == 2
        assert [text.partition(" ")[0] for _, text in said(done, "error")] == ["the", "The"]
        scanner.version = b"220 mail.example ESMTP"
        done = look(environment, "--json", "--only=scanner", CLAMD_URL=scanner.url)
        assert (done.returncode, "is no clamd" in said(done, "error")[0][1]) == (2, True)
    finally:
        scanner.close()


def test_a_scanner_that_is_away_is_told_with_the_way_out(environment: dict[str, str]) -> None:
    done = look(environment, "--only=scanner", CLAMD_URL=f"tcp://127.0.0.1:{choose_port()}")
    assert done.returncode == 2
    assert "is away" in done.stdout
    assert "listens at PATCHBAY_CLAMD_URL" in done.stdout


def test_files_that_others_can_read_are_told(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "patchbay.db").chmod(0o644)
    done = look(environment, "--json", "--only=host")
    assert any("can be read by others" in text for _, text in said(done, "warning"))


def test_more_connections_than_the_system_allows_are_told(environment: dict[str, str]) -> None:
    done = look(environment, "--json", "--only=host", WEBHOOK_CONCURRENCY="2000000000")
    assert any("files and connections" in text for _, text in said(done, "warning"))
    assert "LimitNOFILE" in done.stdout


def test_settings_are_shown_without_secrets(environment: dict[str, str]) -> None:
    secrets = {"STORAGE_S3_SECRET_ACCESS_KEY": "k3y-of-s3", "EMAIL_URL": "smtp://a:p4ss@b"}
    shown = look(environment, "--settings", "--only=configuration", **secrets)
    assert "PATCHBAY_BATCH_SIZE=200" in shown.stdout
    assert f"PATCHBAY_EMAIL_URL=smtp://a:{HIDDEN}@b" in shown.stdout
    document: dict[str, Any] = json.loads(
        look(environment, "--json", "--only=configuration", **secrets).stdout
    )
    assert document["settings"]["PATCHBAY_STORAGE_S3_SECRET_ACCESS_KEY"] == HIDDEN
