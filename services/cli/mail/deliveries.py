"""patchbay mail list, show, replay."""

from typing import Any

import click

from services.cli.sent import (
    STATES,
    of_time_and_ticket,
    send_many_again,
    send_one_again,
    tell_list,
    tell_one,
)
from services.cli.webhooks.client import DeskClient
from services.cli.webhooks.desk_command import of_desk
from shared.domain.delivery import DeliveryChannel, MailKind, OwnerMailKind
from shared.domain.ids import Prefix

_KINDS = [*(each.value for each in MailKind), *(each.value for each in OwnerMailKind)]


@click.command("list")
@click.option("--state", type=click.Choice(STATES))
@click.option("--to", "receiver", metavar="ADDRESS", help="As it was written to.")
@click.option("--kind", type=click.Choice(_KINDS), metavar="MAIL", help="Only this mail.")
@of_time_and_ticket
@click.option("--limit", type=int, default=50, show_default=True)
@of_desk
def list_(desk: DeskClient, limit: int, *, as_json: bool, **query: Any) -> None:
    """List the mails, the newest first."""
    asked = {**query, "channel": DeliveryChannel.EMAIL.value}
    found = list(desk.pages("/v1/deliveries", asked, limit))
    names = ("id", "created_at", "kind", "receiver", "ticket_id", "state", "last_error")
    tell_list(found, names, as_json=as_json)


@click.command()
@click.argument("delivery_id", metavar="DELIVERY")
@of_desk
def show(desk: DeskClient, delivery_id: str, *, as_json: bool) -> None:
    """Show a mail with every attempt."""
    tell_one(desk, delivery_id, as_json=as_json)


@click.command()
@click.argument("delivery_id", metavar="[DELIVERY]", required=False)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES))
@click.option("--to", "receiver", metavar="ADDRESS", help="As it was written to.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), metavar="MAIL")
@click.option("--event", "event_types", multiple=True, help="Only of this type.")
@of_time_and_ticket
@click.option("--rate", "rate_per_s", type=int, help="How many in a second.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@of_desk
def replay(desk: DeskClient, delivery_id: str | None, *, as_json: bool, **options: Any) -> None:
    """Send one mail again, or all that have failed and answer the conditions.

    \b
    Example:
        patchbay mail replay dlv_…
        patchbay mail replay --since 2026-01-31T00:00:00Z --kind ticket_answered --dry-run
    """  # noqa: D301 -- \b is for click
    given = any(options.values())
    if delivery_id is None:
        if not given:
            message = "Name a delivery, or conditions such as --since TIME."
            raise click.UsageError(message)
        send_many_again(desk, "/v1/mail/replays", options, as_json=as_json)
    elif given or not delivery_id.startswith(f"{Prefix.DELIVERY}_"):
        message = "Give the id of one delivery (dlv_…) and nothing else, or only conditions."
        raise click.UsageError(message)
    else:
        send_one_again(desk, delivery_id, as_json=as_json)
