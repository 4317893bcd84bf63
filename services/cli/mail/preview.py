"""patchbay mail preview: mails as they would look."""

from pathlib import Path

import click

from services.notifier.mail.bootstrap import mail_renderer
from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.samples import sample_event, sample_facts, sample_recipient
from services.notifier.mail.templates import BrokenTemplate, MailText
from services.notifier.owner_mails.message import OwnerMails
from services.notifier.owner_mails.samples import sample_news
from shared.domain.delivery import AnyMail, MailKind, OwnerMailKind
from shared.settings import load_settings

_KINDS: list[AnyMail] = [*MailKind, *OwnerMailKind]
_CHOICE = click.Choice([*(each.value for each in _KINDS), "all"])


@click.command()
@click.argument("kind", metavar="MAIL", type=_CHOICE)
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
    for each in _KINDS if kind == "all" else [each for each in _KINDS if each == kind]:
        rendered, text = _made(each, renderer, locale, settings.email_time_zone)
        stem = folder / f"{each}.{locale}"
        stem.with_name(f"{stem.name}.html").write_text(text.html, encoding="utf-8")
        stem.with_name(f"{stem.name}.txt").write_text(
            f"Subject: {text.subject}\n\n{text.text}", encoding="utf-8"
        )
        stem.with_name(f"{stem.name}.eml").write_bytes(rendered.message)
        click.echo(stem.with_name(f"{stem.name}.html"))


def _made(
    kind: AnyMail, renderer: MailRenderer, locale: str, zone: str
) -> tuple[RenderedMail, MailText]:
    """Return a made-up mail as it is sent, and what it says."""
    try:
        if isinstance(kind, OwnerMailKind):
            owners, news = OwnerMails(renderer), sample_news(kind)
            facts = owners.facts(kind, news, renderer.address, zone, locale)
            rendered = owners.render(kind, "owner@example.com", news, facts)
            text = owners.filled(kind, news, facts)
        else:
            event, recipient = sample_event(kind, locale), sample_recipient(kind)
            facts = sample_facts(kind, locale, zone)
            rendered = renderer.render(kind, recipient, event, facts)
            text = renderer.filled(kind, recipient, event, facts)
    except BrokenTemplate as fault:
        raise click.ClickException(str(fault)) from fault
    if not isinstance(rendered, RenderedMail):
        raise click.ClickException(rendered.reason)
    return rendered, text
