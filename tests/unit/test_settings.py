"""Settings: all errors at once, misspelt names told, the sample file complete."""

from pathlib import Path

import pytest

from shared.db.keyrings import keyring_of
from shared.domain.sealing import new_key
from shared.settings import SettingsError, load_settings, variable_names

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_set(clean_environment: None) -> None:
    """Begin without any setting."""


def error_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    for name, value in variables.items():
        monkeypatch.setenv(f"PATCHBAY_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    return str(error.value).splitlines()


def test_without_any_variable_everything_has_a_value() -> None:
    settings = load_settings()
    assert settings.database_url.startswith("sqlite:")
    assert settings.broker_url == "memory://"


def test_all_errors_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = error_of(
        monkeypatch,
        PORT="http",
        BATCH_SIZE="0",
        BROKER_URL="redis://localhost",
        WEBHOOK_ALLOWED_NETWORKS="10.0.0.0/8,nonsense",
        LOG_LEVEL="LOUD",
        QUEUE_TYPE="stream",
        WATCH_INTERVAL_S="-1",
        NO_SUCH_THING="1",
    )
    named = {line.partition(":")[0] for line in lines}
    assert named == {
        "PATCHBAY_PORT",
        "PATCHBAY_BATCH_SIZE",
        "PATCHBAY_BROKER_URL",
        "PATCHBAY_WEBHOOK_ALLOWED_NETWORKS",
        "PATCHBAY_LOG_LEVEL",
        "PATCHBAY_QUEUE_TYPE",
        "PATCHBAY_WATCH_INTERVAL_S",
        "PATCHBAY_NO_SUCH_THING",
    }


def test_a_misspelt_variable_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = error_of(monkeypatch, DATABSE_URL="sqlite:///x.db")
    assert line.endswith("did you mean PATCHBAY_DATABASE_URL?")


def test_a_password_that_could_go_unencrypted_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [line] = error_of(monkeypatch, EMAIL_URL="smtp://desk:secret@mail.example?starttls=off")
    assert line.startswith("PATCHBAY_EMAIL_URL: the password could go out unencrypted; write ")
    assert "secret" not in line
    monkeypatch.setenv("PATCHBAY_EMAIL_URL", "smtp://desk:secret@mail.example")
    assert load_settings().email_url == "smtp://desk:secret@mail.example"


def test_rabbitmq_with_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = error_of(monkeypatch, BROKER_URL="amqp://localhost/")
    assert "PATCHBAY_DATABASE_URL" in line


def test_an_empty_list_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATCHBAY_WEBHOOK_ALLOWED_NETWORKS", "")
    assert load_settings().webhook_allowed_networks == ()


def test_the_sample_file_lists_exactly_the_settings_with_their_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = load_settings()
    listed = []
    for text in (ROOT / ".env.example").read_text().splitlines():
        line = text.removeprefix("#").strip()
        name, equals, value = line.partition("=")
        if not equals or not name.startswith("PATCHBAY_") or " " in name:
            continue
        listed.append(name)
        monkeypatch.setenv(name, value.strip().strip("\"'"))
    assert sorted(listed) == sorted(variable_names())
    assert load_settings() == expected


def test_secret_keys_are_checked_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [line] = error_of(monkeypatch, SECRET_KEYS="correct-horse-battery")
    assert line.startswith("PATCHBAY_SECRET_KEYS: key 1 is not the base64 of 32 bytes")
    assert "correct" not in line
    key = new_key()
    [line] = error_of(monkeypatch, SECRET_KEYS=key, SECRET_KEYS_FILE=str(tmp_path / "keys"))
    assert "leave one of them out" in line
    assert key not in line
    monkeypatch.delenv("PATCHBAY_SECRET_KEYS")
    with pytest.raises(SettingsError, match=r"PATCHBAY_SECRET_KEYS_FILE: .*No such file"):
        keyring_of(load_settings())
    (tmp_path / "keys").write_text(f"{key}\n")
    assert keyring_of(load_settings()).sealing_id is not None
    (tmp_path / "keys").write_text("\n")
    with pytest.raises(SettingsError, match="holds no key"):
        keyring_of(load_settings())


def test_the_audit_log_is_kept_for_two_days_at_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = error_of(monkeypatch, AUDIT_RETENTION_S="3600")
    assert line.startswith("PATCHBAY_AUDIT_RETENTION_S: 0 is for ever")
