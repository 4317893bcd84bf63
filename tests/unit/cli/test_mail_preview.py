"""`patchbay mail preview`: every mail there is, as a page, as text and as it is sent."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.mail.command import mail
from shared.domain.delivery import MailKind, OwnerMailKind


def test_every_mail_is_shown_in_a_language(clean_environment: None, tmp_path: Path) -> None:
    done = CliRunner().invoke(mail, ["preview", "all", "--locale", "ru", "--to", str(tmp_path)])
    assert done.exit_code == 0, done.output
    kinds = [*MailKind, *OwnerMailKind]
    assert len(done.output.splitlines()) == len(kinds)
    for kind in kinds:
        sent = (tmp_path / f"{kind}.ru.eml").read_bytes()
        assert message_from_bytes(sent, policy=policy.default)["Content-Language"] == "ru"
        assert (tmp_path / f"{kind}.ru.html").read_text().startswith("<!DOCTYPE html>")
        assert (tmp_path / f"{kind}.ru.txt").read_text().startswith("Subject: ")


@pytest.mark.parametrize("kind", [MailKind.TICKET_RESOLVED, OwnerMailKind.WEBHOOK_DISABLED])
def test_one_is_shown_by_its_name(
    clean_environment: None, tmp_path: Path, kind: MailKind | OwnerMailKind
) -> None:
    done = CliRunner().invoke(mail, ["preview", kind.value, "--to", str(tmp_path)])
    assert done.output.splitlines() == [str(tmp_path / f"{kind}.en.html")]


def test_a_broken_template_is_one_line(
    clean_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "webhook_failing.j2").write_text("{% extends layout %}{{ nonsense }")
    monkeypatch.setenv("PATCHBAY_EMAIL_TEMPLATES_DIR", str(tmp_path))
    done = CliRunner().invoke(mail, ["preview", "webhook_failing", "--to", str(tmp_path)])
    assert done.exit_code == 1, done.output
    [line] = done.output.splitlines()
    assert "en/webhook_failing.j2:1" in line
