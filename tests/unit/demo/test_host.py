"""The environment that Patchbay is started in."""

from pathlib import Path

import pytest

from services.demo.host import place
from shared.settings import variable_names


def test_without_urls_everything_is_in_the_folder(tmp_path: Path) -> None:
    where = place(tmp_path, None, None)
    environment = where.environment()
    assert environment["PATCHBAY_DATABASE_URL"] == f"sqlite:///{tmp_path}/patchbay.db"
    assert environment["PATCHBAY_BROKER_URL"] == "memory://"
    assert environment["PATCHBAY_EMAIL_URL"] == f"file:{tmp_path}/outbox"


def test_settings_of_another_desk_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_WORKER_THREADS", "1")
    environment = place(tmp_path, None, None).environment()
    assert "PATCHBAY_WORKER_THREADS" not in environment
    assert "PATH" in environment


def test_every_setting_exists(tmp_path: Path) -> None:
    given = {n for n in place(tmp_path, None, None).environment() if n.startswith("PATCHBAY_")}
    assert given <= set(variable_names())
