"""patchbay mail: previews of mails, and bounces that a mail server pipes in."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from services.notifier.mail.bootstrap import mail_renderer
from services.notifier.mail.message import RenderedMail
from services.notifier.mail.samples import sample_event, sample_facts, sample_recipient
from shared.db.engine import Database
from shared.db.mail_bounces import ReportTaken, take_report
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import SystemClock
from shared.domain.delivery import MailKind
from shared.domain.errors import Unavailable
from shared.domain.mail_report import read_report
from shared.mail_tokens import MailTokens
from shared.settings import load_settings

#: A bounce returns headers or a whole mail; a server that sends more sends no bounce.
MAX_BYTES = 20_000_000
#: From sysexits.h: mail servers keep a message that was answered so, and try again.
TRY_AGAIN = 75


@click.group()
def mail() -> None:
    """See what mails look like, and take in what bounced."""


@mail.command()
@click.argument("kind", metavar="MAIL", type=click.Choice([*MailKind, "all"]))
@click.option("--locale", default="en", show_default=True, help="Language, as ru or de-AT.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/preview"),
    show_default=True,
    help="Folder that MAIL.LOCALE.html, .txt and .eml are written to.",
)
def preview(kind: str, locale: str, folder: Path) -> None:
    """Write a made-up mail as it would look, with the brand and templates that are set.

    The page is the mail's HTML alone: open it in a browser, or make a picture of it by
    `chromium --headless --screenshot=mail.png FILE`.
    """
    settings = load_settings()
    renderer = mail_renderer(settings)
    folder.mkdir(parents=True, exist_ok=True)
    for each in MailKind if kind == "all" else [MailKind(kind)]:
        event, recipient = sample_event(each, locale), sample_recipient(each)
        facts = sample_facts(each, locale, settings.email_time_zone)
        rendered = renderer.render(each, recipient, event, facts)
        if not isinstance(rendered, RenderedMail):
            raise click.ClickException(rendered.reason)
        text = renderer.filled(each, recipient, event, facts)
        stem = folder / f"{each}.{locale}"
        stem.with_name(f"{stem.name}.html").write_text(text.html, encoding="utf-8")
        stem.with_name(f"{stem.name}.txt").write_text(
            f"Subject: {text.subject}\n\n{text.text}", encoding="utf-8"
        )
        stem.with_name(f"{stem.name}.eml").write_bytes(rendered.message)
        click.echo(stem.with_name(f"{stem.name}.html"))


@mail.command()
@click.argument("file", type=click.File("rb"))
def bounce(file: BinaryIO) -> None:
    """Take in a bounce or complaint from FILE, or from - for standard input.

    Made for a pipe of the mail server: a message that is no bounce of ours is answered by one line
    and status 0, because any other would make the server bounce it; a database that cannot be
    reached is status 75, so that the server tries again.
    """
    try:
        taken = _take(file.read(MAX_BYTES))
    except Unavailable as error:
        click.echo(f"try again: {error.detail}", err=True)
        sys.exit(TRY_AGAIN)
    click.echo(_said(taken))


def _take(content: bytes) -> ReportTaken:
    database, clock = Database(load_settings().database_url), SystemClock()
    try:
        report = read_report(content)
        tokens = MailTokens(SigningKeys(database, clock))
        delivery_id = tokens.delivery_of(report.addressed_to, report.message_ids)
        with database.transaction() as tx:
            return take_report(tx, delivery_id, report, clock.now())
    finally:
        database.close()


def _said(taken: ReportTaken) -> str:
    if taken.address is None:
        return f"ignored: {taken.detail}"
    fate = "no more mails go there" if taken.suppressed else "noted"
    return f"{taken.delivery_id} to {taken.address}: {fate}: {taken.detail}"
