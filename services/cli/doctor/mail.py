"""The mail server: whether it would take mail. None is sent."""

import os
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path

from services.cli.doctor.configuration import is_local
from services.cli.doctor.finding import Finding, error, note, ok, warning
from services.notifier.channels.mail_address import InvalidMailbox, parse_mailbox
from services.notifier.channels.smtp_look import SmtpLook, look_at
from shared.settings import Settings

_EXAMPLE = "patchbay.example"


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield findings about mail; raises Unavailable for a server that does not answer."""
    scheme = settings.email_url.partition(":")[0]
    if scheme == "off":
        yield note(
            "mail is off",
            "requesters and agents are told nothing",
            "set PATCHBAY_EMAIL_URL to smtp://…",
        )
        return
    if scheme == "file":
        yield from _folder(Path(settings.email_url.partition(":")[2]))
        return
    yield from _sender(settings.email_from)
    try:
        look = look_at(settings.email_url)
    except ValueError as fault:
        yield error(f"PATCHBAY_EMAIL_URL: {fault}", "no mail is sent", "mend the variable")
        return
    yield from _server(look, settings)


def _folder(folder: Path) -> Iterator[Finding]:
    yield note(
        f"mails are written to {folder} and sent to nobody",
        "that is for trying things out",
        "set PATCHBAY_EMAIL_URL to smtp://… to send them",
    )
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK):
        yield error(f"{there} cannot be written to", "mails fail", "let the notifier write there")


def _sender(sender: str) -> Iterator[Finding]:
    try:
        address = parse_mailbox(parseaddr(sender)[1]).address
    except InvalidMailbox as fault:
        yield error(f"PATCHBAY_EMAIL_FROM: {fault}", "no mail is sent", "write Name <a@b.example>")
        return
    if address.endswith(f"@{_EXAMPLE}"):
        yield warning(
            f"mails come from {address}, which is an example",
            "servers refuse it, and answers reach nobody",
            "set PATCHBAY_EMAIL_FROM to an address of yours",
        )


def _server(look: SmtpLook, settings: Settings) -> Iterator[Finding]:
    how = ["encrypted" if look.encrypted else "not encrypted"]
    how += ["logged in"] if look.logged_in else []
    yield ok(f"{look.host}:{look.port} answers in {look.connect_ms:.0f} ms, {', '.join(how)}")
    if not look.encrypted and not is_local(look.host):
        yield warning(
            f"mail goes to {look.host} unencrypted",
            "everybody on the way reads it"
            + (", and the password of the desk" if look.logged_in else ""),
            "write smtps://…, or smtp://…?starttls=required",
        )
    elif look.optional and not is_local(look.host):
        yield note(
            "encryption is used because the server offers it, and not required",
            "somebody on the way can take the offer out",
            "write smtp://…?starttls=required",
        )
    least = settings.email_attach_max_bytes * 4 // 3
    if look.largest_bytes is not None and look.largest_bytes < least:
        yield warning(
            f"the server takes mails of at most {look.largest_bytes} bytes",
            "mails with attachments as large as allowed are refused",
            "lower PATCHBAY_EMAIL_ATTACH_MAX_BYTES to three quarters of that",
        )
