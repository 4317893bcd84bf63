"""patchbay webhooks probe: does a receiver do what receivers have to?"""

import json
import sys
from dataclasses import asdict
from functools import partial
from urllib.parse import urlsplit

import click

from services.cli.webhooks.checks import Verdict, checks, verdict
from services.cli.webhooks.exchange import post
from services.intake.event_catalogue import catalogue
from shared.domain.clock import SystemClock
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.subscription import PayloadStyle
from shared.domain.webhook_signature import InvalidSecret, sign

#: Slower than this, in milliseconds, a receiver should answer first and work afterwards.
SLOW_MS = 5000


@click.command()
@click.argument("receiver", metavar="URL")
@click.option(
    "--secret",
    required=True,
    envvar="PATCHBAY_WEBHOOK_SECRET",
    help="What it verifies with: whsec_…, or the private key whsk_…. [PATCHBAY_WEBHOOK_SECRET]",
)
@click.option(
    "--style",
    type=click.Choice([each.value for each in PayloadStyle]),
    default=PayloadStyle.FULL.value,
    show_default=True,
)
@click.option("--event", type=click.Choice([each.value for each in EventType]))
@click.option("--timeout", "timeout_s", type=float, default=15.0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def probe(
    receiver: str, secret: str, style: str, event: str | None, timeout_s: float, *, as_json: bool
) -> None:
    """Send URL what it must take and what it must refuse, and say which it got wrong.

    It sends examples from the catalogue, with ids of their own, to nobody but URL, and needs no
    desk. Status 1 if a check failed. For a receiver of v1a make a pair of keys by `new-secret
    --signing v1a`, and give it the public one.

    \b
    Example: patchbay webhooks probe http://127.0.0.1:9000/hooks --secret whsec_…
    """  # noqa: D301 -- \b is for click
    _require(receiver, secret)
    example = catalogue()[event or EventType.TICKET_CREATED.value]["example"]
    now = int(SystemClock().now().timestamp())
    verdicts = []
    fresh_id = partial(new_id, Prefix.EVENT)
    for check in checks(secret, example, now, fresh_id, PayloadStyle(style)):
        found = verdict(check, [post(receiver, each, timeout_s) for each in check.messages])
        verdicts.append(found)
        if not as_json:
            _tell(found)
    passed = all(each.passed for each in verdicts)
    if as_json:
        document = {"url": receiver, "passed": passed, "checks": [asdict(v) for v in verdicts]}
        click.echo(json.dumps(document, indent=2))
    else:
        _sum_up(verdicts)
    if not passed:
        sys.exit(1)


def _require(receiver: str, secret: str) -> None:
    parts = urlsplit(receiver)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"{receiver!r} is no URL of a receiver; write http://127.0.0.1:9000/hooks."
        raise click.UsageError(message)
    try:
        sign(secret, "evt_1", 0, b"")
    except InvalidSecret as error:
        raise click.UsageError(f"--secret: {error}.") from error


def _tell(found: Verdict) -> None:
    mark = "ok  " if found.passed else "FAIL"
    statuses = ", ".join("none" if each is None else str(each) for each in found.statuses)
    click.echo(f"{mark}  {found.name}  ({statuses}; {found.slowest_ms} ms)")
    if found.detail:
        click.echo(f"      {found.detail}")


def _sum_up(verdicts: list[Verdict]) -> None:
    failed = sum(not each.passed for each in verdicts)
    click.echo(f"{len(verdicts) - failed} of {len(verdicts)} checks passed.")
    if max(each.slowest_ms for each in verdicts) > SLOW_MS:
        click.echo("Its answers are slow: answer first, and work afterwards.")
