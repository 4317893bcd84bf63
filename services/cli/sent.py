"""What `patchbay mail` and `patchbay webhooks` say alike about what was sent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from services.cli.webhooks.client import DeskClient
from services.cli.webhooks.desk_command import print_fields, print_json, print_table
from shared.domain.delivery_state import DeliveryState

STATES = [each.value for each in DeliveryState]

F = TypeVar("F", bound=Callable[..., Any])

_CONDITIONS = (
    click.option("--ticket", "ticket_id", help="Only of this ticket."),
    click.option("--since", "created_after", metavar="TIME", help="RFC 3339."),
    click.option("--until", "created_before", metavar="TIME", help="RFC 3339."),
)


def of_time_and_ticket(command: F) -> F:
    """Add the conditions that everything which was sent can be asked by."""
    for option in reversed(_CONDITIONS):
        command = option(command)
    return command


def tell_list(found: Sequence[Mapping[str, Any]], names: Sequence[str], *, as_json: bool) -> None:
    """Print deliveries: all of them as JSON, or a table of these fields."""
    if as_json:
        print_json(found)
    else:
        print_table(names, ([each[name] for name in names] for each in found))


def tell_one(desk: DeskClient, delivery_id: str, *, as_json: bool) -> None:
    """Print one delivery, with every attempt."""
    found = desk.call("GET", f"/v1/deliveries/{delivery_id}")
    if as_json:
        print_json(found)
    else:
        show_delivery(found)


def show_delivery(found: Mapping[str, Any]) -> None:
    """Print a delivery and, below it, a line for each attempt."""
    print_fields({name: value for name, value in found.items() if name != "tries"})
    for each in found["tries"]:
        status = "" if each["status"] is None else f" {each['status']}"
        click.echo(
            f"  {each['finished_at']}  #{each['number']} {each['outcome']}{status}"
            f"  {each['duration_ms']} ms  {each['detail']}"
        )


def send_one_again(desk: DeskClient, delivery_id: str, *, as_json: bool) -> None:
    """Have one delivery sent again, and say so."""
    answer = desk.call("POST", f"/v1/deliveries/{delivery_id}/replay", {})
    _tell(answer, f"{answer['id']} is on its way again.", as_json=as_json)


def send_many_again(
    desk: DeskClient, path: str, options: Mapping[str, Any], *, as_json: bool
) -> None:
    """Have all that answer the conditions sent again, and say how many."""
    body = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value
    }
    answer = desk.call("POST", path, body)
    verb = "would be sent" if answer["dry_run"] else "are sent"
    until = answer["due_until"] or "no time"
    _tell(answer, f"{answer['count']} {verb} again, the last at {until}.", as_json=as_json)


def _tell(answer: Mapping[str, Any], told: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(told)
