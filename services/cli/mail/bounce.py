"""patchbay mail bounce: takes in what came back, from a pipe of the mail server."""

import sys
from typing import BinaryIO

import click

from services.cli.actor import command_line
from services.cli.database_file import existing_database
from shared.db.audit import record
from shared.db.mail_bounces import ReportTaken, take_report
from shared.db.signing_keys import SigningKeys
from shared.domain.audit import ADDRESS_PURPOSE, AuditAction, target_of_address
from shared.domain.clock import SystemClock
from shared.domain.errors import NotFound, SchemaBehind, Unavailable
from shared.domain.mail_report import read_report
from shared.mail_tokens import MailTokens
from shared.settings import load_settings

#: A bounce returns headers or a whole mail; a server that sends more sends no bounce.
MAX_BYTES = 20_000_000
#: From sysexits.h: mail servers keep a message that was answered so, and try again.
TRY_AGAIN = 75


@click.command()
@click.argument("file", type=click.File("rb"))
def bounce(file: BinaryIO) -> None:
    """Take in a bounce or complaint from FILE, or from - for standard input.

    Made for a pipe of the mail server: a message that is no bounce of ours is answered by one line
    and status 0, because any other would make the server bounce it; a database that cannot be
    reached, is not there or has another schema is status 75, so that the server tries again.
    """
    try:
        taken = _take(file.read(MAX_BYTES))
    except (NotFound, SchemaBehind, Unavailable) as error:
        click.echo(f"try again: {error.detail}", err=True)
        sys.exit(TRY_AGAIN)
    click.echo(_said(taken))


def _take(content: bytes) -> ReportTaken:
    clock = SystemClock()
    with existing_database(load_settings()) as database:
        report = read_report(content)
        signing = SigningKeys(database, clock)
        tokens = MailTokens(signing)
        delivery_id = tokens.delivery_of(report.addressed_to, report.message_ids)
        with database.transaction() as tx:
            taken = take_report(tx, delivery_id, report, clock.now())
            if taken.suppressed and taken.address is not None:
                # Its tokens were read by the signing keys, so there are some.
                target = target_of_address(signing.mac(ADDRESS_PURPOSE, taken.address.lower()))
                details = {"delivery": taken.delivery_id}
                action = AuditAction.SUPPRESSION_MADE
                record(tx, command_line(), action, target, clock.now(), details)
        return taken


def _said(taken: ReportTaken) -> str:
    if taken.address is None:
        return f"ignored: {taken.detail}"
    fate = "no more mails go there" if taken.suppressed else "noted"
    return f"{taken.delivery_id} to {taken.address}: {fate}: {taken.detail}"
