"""patchbay mail list, show, replay."""

from typing import Any

import click

from services.cli.webhooks.client import DeskClient
from services.cli.webhooks.deliveries import show_delivery
from services.cli.webhooks.desk_command import of_desk, print_json, print_table
from shared.domain.delivery import DeliveryChannel, MailKind, OwnerMailKind
from shared.domain.delivery_state import DeliveryState
from shared.domain.ids import Prefix

_STATES = [each.value for each in DeliveryState]
_KINDS = [*(each.value for each in MailKind), *(each.value for each in OwnerMailKind)]


@click.command("list")
@click.option("--state", type=click.Choice(_STATES))
@click.option("--to", "receiver", metavar="ADDRESS", help="As it was written to.")
@click.option("--kind", type=click.Choice(_KINDS), metavar="MAIL", help="Only this mail.")
@click.option("--ticket", "ticket_id", help="Only of this ticket.")
@click.option("--since", "created_after", metavar="TIME", help="RFC 3339.")
@click.option("--until", "created_before", metavar="TIME", help="RFC 3339.")
@click.option("--limit", type=int, default=50, show_default=True)
@of_desk
def list_(desk: DeskClient, limit: int, *, as_json: bool, **query: Any) -> None:
    """List the mails, the newest first."""
    asked = {**query, "channel": DeliveryChannel.EMAIL.value}
    found = list(desk.pages("/v1/deliveries", asked, limit))
    if as_json:
        print_json(found)
        return
    names = ("id", "created_at", "kind", "receiver", "ticket_id", "state", "last_error")
    print_table(names, ([each[name] for name in names] for each in found))


@click.command()
@click.argument("delivery_id", metavar="DELIVERY")
@of_desk
def show(desk: DeskClient, delivery_id: str, *, as_json: bool) -> None:
    """Show a mail with every attempt."""
    found = desk.call("GET", f"/v1/deliveries/{delivery_id}")
    if as_json:
        print_json(found)
    else:
        show_delivery(found)


@click.command()
@click.argument("delivery_id", metavar="[DELIVERY]", required=False)
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES))
@click.option("--to", "receiver", metavar="ADDRESS", help="As it was written to.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), metavar="MAIL")
@click.option("--event", "event_types", multiple=True, help="Only of this type.")
@click.option("--ticket", "ticket_id", help="Only of this ticket.")
@click.option("--since", "created_after", metavar="TIME", help="RFC 3339.")
@click.option("--until", "created_before", metavar="TIME", help="RFC 3339.")
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
    body = {name: _listed(value) for name, value in options.items() if value}
    if delivery_id is None:
        if not body:
            message = "Name a delivery, or conditions such as --since TIME."
            raise click.UsageError(message)
        answer = desk.call("POST", "/v1/mail/replays", body)
        verb = "would be sent" if answer["dry_run"] else "are sent"
        told = f"{answer['count']} {verb} again, the last at {answer['due_until'] or 'no time'}."
    elif body or not delivery_id.startswith(f"{Prefix.DELIVERY}_"):
        message = "Give the id of one delivery (dlv_…) and nothing else, or only conditions."
        raise click.UsageError(message)
    else:
        answer = desk.call("POST", f"/v1/deliveries/{delivery_id}/replay", {})
        told = f"{answer['id']} is on its way again."
    if as_json:
        print_json(answer)
    else:
        click.echo(told)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
