"""patchbay webhooks deliveries, delivery, replay."""

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
from shared.domain.ids import Prefix


@click.command()
@click.argument("subscription_id", metavar="ID")
@click.option("--state", type=click.Choice(STATES))
@click.option("--event", "event_type", help="Only of this type.")
@of_time_and_ticket
@click.option("--limit", type=int, default=50, show_default=True)
@of_desk
def deliveries(
    desk: DeskClient, subscription_id: str, limit: int, *, as_json: bool, **query: Any
) -> None:
    """List what was sent to a subscription, the newest first."""
    found = list(desk.pages(f"/v1/webhooks/{subscription_id}/deliveries", query, limit))
    names = ("id", "created_at", "event_type", "ticket_id", "state", "attempts", "last_error")
    tell_list(found, names, as_json=as_json)


@click.command()
@click.argument("delivery_id", metavar="DELIVERY")
@of_desk
def delivery(desk: DeskClient, delivery_id: str, *, as_json: bool) -> None:
    """Show a delivery with every attempt."""
    tell_one(desk, delivery_id, as_json=as_json)


@click.command()
@click.argument("which", metavar="ID|DELIVERY")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES))
@click.option("--event", "event_types", multiple=True, help="Only of this type.")
@of_time_and_ticket
@click.option("--missed", is_flag=True, help="Also what was never meant for the subscription.")
@click.option("--rate", "rate_per_s", type=int, help="How many in a second.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@of_desk
def replay(desk: DeskClient, which: str, *, as_json: bool, **options: Any) -> None:
    """Send one delivery again, or those of a subscription that did not arrive.

    \b
    Example:
        patchbay webhooks replay dlv_…
        patchbay webhooks replay whk_… --since 2026-01-31T00:00:00Z --missed --dry-run
    """  # noqa: D301 -- \b is for click
    if which.startswith(f"{Prefix.DELIVERY}_"):
        send_one_again(desk, which, as_json=as_json)
    else:
        send_many_again(desk, f"/v1/webhooks/{which}/replays", options, as_json=as_json)
