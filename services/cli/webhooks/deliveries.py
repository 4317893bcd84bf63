"""patchbay webhooks deliveries, delivery, replay."""

from typing import Any

import click

from services.cli.webhooks.client import DeskClient
from services.cli.webhooks.desk_command import of_desk, print_fields, print_json, print_table
from shared.domain.delivery_state import DeliveryState
from shared.domain.ids import Prefix

_STATES = [each.value for each in DeliveryState]


@click.command()
@click.argument("subscription_id", metavar="ID")
@click.option("--state", type=click.Choice(_STATES))
@click.option("--event", "event_type", help="Only of this type.")
@click.option("--ticket", "ticket_id", help="Only of this ticket.")
@click.option("--since", "created_after", metavar="TIME", help="RFC 3339.")
@click.option("--until", "created_before", metavar="TIME", help="RFC 3339.")
@click.option("--limit", type=int, default=50, show_default=True)
@of_desk
def deliveries(
    desk: DeskClient, subscription_id: str, limit: int, *, as_json: bool, **query: Any
) -> None:
    """List what was sent to a subscription, the newest first."""
    found = list(desk.pages(f"/v1/webhooks/{subscription_id}/deliveries", query, limit))
    if as_json:
        print_json(found)
        return
    names = ("id", "created_at", "event_type", "ticket_id", "state", "attempts", "last_error")
    print_table(names, ([each[name] for name in names] for each in found))


@click.command()
@click.argument("delivery_id", metavar="DELIVERY")
@of_desk
def delivery(desk: DeskClient, delivery_id: str, *, as_json: bool) -> None:
    """Show a delivery with every attempt."""
    found = desk.call("GET", f"/v1/deliveries/{delivery_id}")
    if as_json:
        print_json(found)
    else:
        show_delivery(found)


@click.command()
@click.argument("which", metavar="ID|DELIVERY")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES))
@click.option("--event", "event_types", multiple=True, help="Only of this type.")
@click.option("--ticket", "ticket_id", help="Only of this ticket.")
@click.option("--since", "created_after", metavar="TIME", help="RFC 3339.")
@click.option("--until", "created_before", metavar="TIME", help="RFC 3339.")
@click.option("--missed", is_flag=True, help="Also what was never meant for the subscription.")
@click.option("--rate", type=int, help="How many in a second.")
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
        answer = desk.call("POST", f"/v1/deliveries/{which}/replay", {})
        told = f"{answer['id']} is on its way again."
    else:
        options["rate_per_s"] = options.pop("rate")
        body = {name: value for name, value in options.items() if value}
        answer = desk.call("POST", f"/v1/webhooks/{which}/replays", _listed(body))
        verb = "would be sent" if answer["dry_run"] else "are sent"
        told = f"{answer['count']} {verb} again, the last at {answer['due_until'] or 'no time'}."
    if as_json:
        print_json(answer)
    else:
        click.echo(told)


def show_delivery(found: dict[str, Any]) -> None:
    """Print a delivery and, below it, a line for each attempt."""
    print_fields({name: value for name, value in found.items() if name != "tries"})
    for each in found["tries"]:
        status = "" if each["status"] is None else f" {each['status']}"
        click.echo(
            f"  {each['finished_at']}  #{each['number']} {each['outcome']}{status}"
            f"  {each['duration_ms']} ms  {each['detail']}"
        )


def _listed(body: dict[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in body.items()
    }
