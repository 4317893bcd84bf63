"""patchbay mail preview: mails as they would look."""

from pathlib import Path

import click

from services.notifier.mail.bootstrap import mail_renderer
from services.notifier.mail.message import RenderedMail
from services.notifier.mail.samples import sample_event, sample_facts, sample_recipient
from shared.domain.delivery import MailKind
from shared.settings import load_settings


@click.command()
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
