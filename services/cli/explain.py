"""patchbay explain: a ticket's routing decisions as readable tables."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import or_, select

from services.cli.database_file import existing_database
from services.router.reexecution import decide_again
from services.router.strategy import StrategyBuilder
from shared.db.engine import Database, Row, first, rows
from shared.db.models import Agent, Decision, Ticket
from shared.db.models.base import table
from shared.domain.errors import NotFound
from shared.settings import load_settings

_TICKETS, _DECISIONS, _AGENTS = table(Ticket), table(Decision), table(Agent)


@click.command()
@click.argument("ticket")
@click.option("--json", "as_json", is_flag=True, help="Print the decisions as JSON.")
@click.option("--check", is_flag=True, help="Make each decision again; exit 1 if one differs.")
def explain(ticket: str, *, as_json: bool, check: bool) -> None:
    """Tell why TICKET (an id or a number) went where it went, and why to nobody else.

    \b
    Example:
        patchbay explain 1042
        patchbay explain tkt_019a0c5e7d2f7c3a9b1e5f60718293a4 --check
    """  # noqa: D301 -- \b is for click
    with existing_database(load_settings()) as database:
        found, decisions, names = _read(database, ticket)
    if as_json:
        click.echo(json.dumps(decisions, indent=2, default=str))
    else:
        console = Console()
        console.print(f"Ticket {found['number']}: {found['subject']} ({found['status'].value})")
        for decision in decisions:
            _show(console, decision, names)
    if check and not _check(decisions):
        sys.exit(1)


def _read(database: Database, ticket: str) -> tuple[Row, list[Row], dict[str, str]]:
    number = int(ticket) if ticket.isdecimal() else -1
    with database.reading() as connection:
        query = select(_TICKETS.c.id, _TICKETS.c.number, _TICKETS.c.subject, _TICKETS.c.status)
        found = first(
            connection, query.where(or_(_TICKETS.c.id == ticket, _TICKETS.c.number == number))
        )
        if found is None:
            raise NotFound(f"There is no ticket {ticket!r}.")
        of_ticket = select(_DECISIONS).where(_DECISIONS.c.ticket_id == found["id"])
        decisions = rows(connection, of_ticket.order_by(_DECISIONS.c.id))
        for decision in decisions:
            decision["explanation"] = json.loads(decision["explanation"])
        names = {
            row["id"]: row["name"] for row in rows(connection, select(_AGENTS.c.id, _AGENTS.c.name))
        }
    return found, decisions, names


def _show(console: Console, decision: Row, names: Mapping[str, str]) -> None:
    explanation = decision["explanation"]
    who = names.get(decision["agent_id"] or "", "nobody")
    moment = decision["decided_at"].isoformat(" ", "seconds")
    console.print(f"\n[bold]{moment}  {decision['outcome']}: {who}[/bold]")
    by_hand = explanation.get("by_hand")
    if by_hand:
        guard = "with" if by_hand["guard"] else "without"
        console.print(f"By hand, by {by_hand['actor']}, {guard} the capacity's guard.")
        return
    console.print(_summary(explanation))
    for fault in explanation["faults"]:
        console.print(f"[yellow]Without {fault['kind']} {fault['plugin']}: {fault['error']}[/]")
    if explanation["candidates"]:
        console.print(_candidates(explanation, names))
    if explanation["rejected"]:
        console.print(_rejections(explanation["rejected"], names))


def _summary(explanation: Mapping[str, Any]) -> str:
    profile = explanation["profile"]
    skills = ", ".join(f"{s['skill']} {s['level']}+" for s in explanation["required_skills"])
    rules = ", ".join(explanation["rules_fired"]) or "none"
    return (
        f"Team {explanation['team'] or '-'}, priority {explanation['priority']}, "
        f"skills {skills or '-'}; profile {profile['name']} v{profile['version']}; "
        f"rules v{explanation['rules_version']}: {rules}"
    )


def _candidates(explanation: Mapping[str, Any], names: Mapping[str, str]) -> Table:
    weights = explanation["weights"]
    shown = Table(title=f"Could take it: {explanation['candidates_total']}", title_justify="left")
    shown.add_column("agent")
    for name, weight in weights.items():
        shown.add_column(f"{name} x{weight:g}", justify="right")
    shown.add_column("total", justify="right")
    shown.add_column("load", justify="right")
    for candidate in explanation["candidates"]:
        state = candidate["state"]
        shown.add_row(
            names.get(candidate["agent_id"], candidate["agent_id"]),
            *(f"{candidate['scores'].get(name, 0):.3f}" for name in weights),
            f"{candidate['total']:.3f}",
            f"{state['load']}/{state['capacity']}",
        )
    return shown


def _rejections(rejected: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Table:
    shown = Table(title="Could not", title_justify="left")
    for column in ("filter", "reason", "count", "who"):
        shown.add_column(column)
    for rejection in rejected:
        some = [names.get(agent_id, agent_id) for agent_id in rejection["agent_ids"][:5]]
        more = rejection["count"] - len(some)
        who = ", ".join(some) + (f" and {more} more" if more > 0 else "")
        shown.add_row(rejection["filter"], rejection["reason"], str(rejection["count"]), who)
    return shown


def _check(decisions: Sequence[Row]) -> bool:
    builder, same = StrategyBuilder(), True
    for decision in decisions:
        if decision["explanation"].get("by_hand"):
            continue
        differences = decide_again(decision["explanation"], builder).differences
        same &= not differences
        told = "; ".join(differences) or "the same result"
        click.echo(f"{decision['id']} made again: {told}", err=True)
    return same
