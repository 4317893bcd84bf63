"""patchbay webhooks list, show, create, update, delete, rotate, test."""

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import click

from services.cli.sent import show_delivery
from services.cli.webhooks.client import DeskClient
from services.cli.webhooks.desk_command import of_desk, print_fields, print_json, print_table
from shared.domain.subscription import AfterOutage, Ordering, PayloadStyle, SigningScheme

#: How often and how long a test asks whether it was delivered, in seconds.
LOOK_EVERY_S, PATIENCE_S = 0.2, 30.0

#: A file, because what stands in a command is read by whoever lists processes.
_SECRET = click.option(
    "--secret-file",
    "secret",
    type=click.File("r"),
    help="A file with a secret of your own, whsec_…; - reads it from the input.",
)
_ID = click.argument("subscription_id", metavar="ID")
_CHOICES = (
    click.option("--event", "events", multiple=True, help="A type or pattern; may come again."),
    click.option("--filter", "condition", help="A condition in CEL; empty for none."),
    click.option("--description"),
    click.option("--style", type=click.Choice([each.value for each in PayloadStyle])),
    click.option("--header", "headers", multiple=True, metavar="NAME:VALUE"),
    click.option("--rate", type=int, help="The most requests in a second."),
    click.option("--concurrency", type=int, help="The most requests at the same time."),
    click.option("--ordering", type=click.Choice([each.value for each in Ordering])),
    click.option("--after-outage", type=click.Choice([each.value for each in AfterOutage])),
    click.option("--owner", help="E-mail address of whoever looks after the receiver."),
    click.option("--enabled/--disabled", default=None),
    click.option(
        "--trace-context/--no-trace-context",
        default=None,
        help="Whether the traceparent of the request behind an event is sent along.",
    ),
)


def _choices(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_CHOICES):
        command = option(command)
    return command


@click.command("list")
@of_desk
def list_(desk: DeskClient, *, as_json: bool) -> None:
    """List subscriptions."""
    found = list(desk.pages("/v1/webhooks", {}, 10_000))
    if as_json:
        print_json(found)
        return
    columns = ("id", "enabled", "events", "url", "description")
    print_table(
        columns,
        (
            (
                each["id"],
                _enabled(each),
                " ".join(each["event_types"]) or "*",
                each["url"],
                each["description"],
            )
            for each in found
        ),
    )


@click.command()
@_ID
@of_desk
def show(desk: DeskClient, subscription_id: str, *, as_json: bool) -> None:
    """Show a subscription."""
    _print(desk.call("GET", f"/v1/webhooks/{subscription_id}"), as_json=as_json)


@click.command()
@click.argument("receiver", metavar="URL")
@click.option("--signing", type=click.Choice([each.value for each in SigningScheme]))
@_SECRET
@_choices
@of_desk
def create(desk: DeskClient, receiver: str, *, as_json: bool, **options: Any) -> None:
    """Subscribe URL to events; prints the secret, this once.

    \b
    Example: patchbay webhooks create https://example.com/hooks --event ticket.created
    """  # noqa: D301 -- \b is for click
    signing = _signing(options.pop("signing"), options.pop("secret"))
    body = {"url": receiver, **_body(options), **signing}
    _print(desk.call("POST", "/v1/webhooks", body), as_json=as_json)


@click.command()
@_ID
@click.option("--receiver", metavar="URL", help="Where events go from now on.")
@_choices
@of_desk
def update(
    desk: DeskClient, subscription_id: str, receiver: str | None, *, as_json: bool, **options: Any
) -> None:
    """Change a subscription; what is not named stays.

    \b
    Example: patchbay webhooks update whk_… --event ticket.* --filter '' --enabled
    """  # noqa: D301 -- \b is for click
    body = {**_body(options), **({"url": receiver} if receiver else {})}
    if not body:
        message = "Say what to change; --help has what there is."
        raise click.UsageError(message)
    _print(desk.call("PATCH", f"/v1/webhooks/{subscription_id}", body), as_json=as_json)


@click.command()
@_ID
@of_desk
def delete(desk: DeskClient, subscription_id: str, *, as_json: bool) -> None:
    """Delete a subscription with its secrets; what is on its way there is cancelled."""
    desk.call("DELETE", f"/v1/webhooks/{subscription_id}")
    if as_json:
        print_json({"id": subscription_id, "deleted": True})
    else:
        click.echo(f"{subscription_id} is deleted; `deliveries` still shows what was sent.")


@click.command()
@_ID
@click.option("--overlap-hours", type=float, default=24.0, show_default=True)
@click.option("--signing", type=click.Choice([each.value for each in SigningScheme]))
@_SECRET
@of_desk
def rotate(
    desk: DeskClient,
    subscription_id: str,
    overlap_hours: float,
    signing: str | None,
    secret: TextIO | None,
    *,
    as_json: bool,
) -> None:
    """Sign with a new secret, and print it; the old one signs beside it for the overlap."""
    body = {"overlap_s": int(overlap_hours * 3600), **_signing(signing, secret)}
    answer = desk.call("POST", f"/v1/webhooks/{subscription_id}/rotate-secret", body)
    _print(answer, as_json=as_json)


@click.command()
@_ID
@click.option("--event", help="Send the example of this type.")
@of_desk
def test(desk: DeskClient, subscription_id: str, event: str | None, *, as_json: bool) -> None:
    """Send a test event and wait for its first attempt; status 1 if that failed."""
    body = {"event_type": event} if event else {}
    queued = desk.call("POST", f"/v1/webhooks/{subscription_id}/test", body)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = desk.call("GET", f"/v1/deliveries/{queued['id']}")
        if found["tries"] or time.monotonic() > deadline:
            break
        time.sleep(LOOK_EVERY_S)
    if as_json:
        print_json(found)
    else:
        show_delivery(found)
    if found["state"] != "delivered":
        sys.exit(1)


def _enabled(subscription: dict[str, Any]) -> str:
    if not subscription["enabled"]:
        return f"no: {subscription['disabled_reason'] or 'by hand'}"
    # A desk of an earlier release does not say.
    return "yes" if subscription.get("secrets_readable", True) else "yes, but cannot be signed"


def _signing(scheme: str | None, secret: TextIO | None) -> dict[str, Any]:
    named = {"signing": scheme, "secret": secret.read().strip() if secret else None}
    return {name: value for name, value in named.items() if value is not None}


def _body(options: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a request that options name."""
    named = {
        "description": options["description"],
        "payload_style": options["style"],
        "rate_limit_per_s": options["rate"],
        "concurrency": options["concurrency"],
        "ordering": options["ordering"],
        "after_outage": options["after_outage"],
        "owner_email": options["owner"],
        "enabled": options["enabled"],
        "trace_context": options["trace_context"],
    }
    body = {name: value for name, value in named.items() if value is not None}
    if options["events"]:
        body["event_types"] = list(options["events"])
    if options["condition"] is not None:
        body["filter"] = options["condition"] or None
    if options["headers"]:
        body["headers"] = dict(_header(text) for text in options["headers"])
    return body


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        message = f"{text!r} is no header; write NAME:VALUE."
        raise click.UsageError(message)
    return name.strip(), value.strip()


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print_fields(document)
