"""Commands that look into a database make none where the path is mistyped."""

from pathlib import Path

import pytest

from tests.commands import run_command

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",),
        ("verify", "--json"),
        ("dead", "list"),
        ("dead", "list", "--dropped"),
        ("dead", "show", "dlv_1"),
        ("dead", "retry", "dlv_1"),
        ("dead", "drop", "dlv_1", "--reason", "gone", "--yes"),
        ("keys", "list"),
        ("keys", "create", "--name", "somebody", "--role", "admin"),
        ("keys", "reencrypt", "--check"),
        ("explain", "1"),
        ("search", "rebuild"),
        ("shadow", "report"),
        ("rules", "show"),
        ("migrate", "--check"),
    ],
)
def test_a_database_that_is_not_there_is_told_and_not_made(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "mistyped.db"
    environment = {"PATCHBAY_DATABASE_URL": f"sqlite:///{file}"}
    done = run_command(*arguments, environment=environment)
    [line] = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 2
    assert f"There is no database at {file}. Mend PATCHBAY_DATABASE_URL" in line
    assert list(tmp_path.iterdir()) == []


def test_a_mail_server_is_to_try_again(tmp_path: Path) -> None:
    file = tmp_path / "mistyped.db"
    environment = {"PATCHBAY_DATABASE_URL": f"sqlite:///{file}"}
    done = run_command("mail", "bounce", "-", environment=environment)
    assert done.returncode == 75
    assert f"There is no database at {file}" in done.stderr
    assert list(tmp_path.iterdir()) == []
