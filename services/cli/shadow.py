"""patchbay shadow: how shadow and trial profiles compare with the live ones."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.cli.database_file import existing_database
from shared.db.routing_report import routing_report
from shared.db.shadow_report import MEASURES
from shared.domain.clock import SystemClock
from shared.domain.duration import parse_duration
from shared.schemas.shadow import ShadowReportSchema
from shared.settings import load_settings

#: Columns of a table that goes into a file or a pipe, which has no width.
PIPED_WIDTH = 160

#: What the rows of an A/B are called, and where an arm has them.
_ARM_ROWS: tuple[tuple[str, str, Callable[[Mapping[str, Any]], Any]], ...] = (
    ("tickets", "", lambda arm: arm["tickets"]),
    ("assigned", "", lambda arm: arm["assigned"]),
    ("resolved", "", lambda arm: arm["resolved"]),
    ("wait, mean (s)", "wait_s", lambda arm: arm["wait_s"]["mean"]),
    ("wait, p50 (s)", "", lambda arm: arm["wait_s"]["p50"]),
    ("wait, p95 (s)", "", lambda arm: arm["wait_s"]["p95"]),
    ("resolution, mean (s)", "resolution_s", lambda arm: arm["resolution_s"]["mean"]),
    ("resolution, p50 (s)", "", lambda arm: arm["resolution_s"]["p50"]),
    ("resolution, p95 (s)", "", lambda arm: arm["resolution_s"]["p95"]),
    ("reopen rate", "reopen_rate", lambda arm: arm["reopen_rate"]),
    ("SLA attainment", "sla_attainment", lambda arm: arm["sla_attainment"]),
    ("load share at assignment", "load_share", lambda arm: arm["load_share"]),
)


@click.group()
def shadow() -> None:
    """Try a profile without risk: what shadow and trial profiles would change.

    \b
    Example: patchbay shadow report --team network --since 7d
    """  # noqa: D301 -- \b is for click


def _seconds(_: click.Context, __: click.Parameter, value: str) -> int:
    try:
        return parse_duration(int(value) if value.isdecimal() else value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@shadow.command()
@click.option("--team", help="Only this team.")
@click.option(
    "--since", default="7d", show_default=True, callback=_seconds, help="How far back: 12h, 30d."
)
@click.option("--json", "as_json", is_flag=True, help="Print what /v1/routing/shadow answers.")
def report(team: str | None, since: int, *, as_json: bool) -> None:
    """Compare shadow profiles by decisions, and trial profiles by what became of tickets.

    \b
    Example:
        patchbay shadow report
        patchbay shadow report --team network --since 30d --json
    """  # noqa: D301 -- \b is for click
    now = SystemClock().now()
    with existing_database(load_settings()) as database, database.reading() as connection:
        found = routing_report(connection, now, _ago(now, since), team)
    if as_json:
        click.echo(json.dumps(ShadowReportSchema().dump(found), indent=2))
    else:
        _show(found)


def _ago(now: datetime, seconds: int) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _show(found: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    if not found["shadows"] and not found["trials"]:
        console.print(
            f"Nothing to compare since {found['since'].isoformat(' ', 'seconds')}. "
            "Name a shadow_profile or a trial_profile in a team first."
        )
    for comparison in found["shadows"]:
        _show_comparison(console, comparison)
    for trial in found["trials"]:
        console.print(_trial_table(trial))
    if not found["complete"]:
        console.print("[yellow]There are more tickets than the newest 100,000 looked at.[/]")


def _show_comparison(console: Console, comparison: Mapping[str, Any]) -> None:
    console.print(
        f"\n[bold]Team {escape(comparison['team'])}: shadow {comparison['shadow_profile']} "
        f"beside {comparison['live_profile']}[/bold]"
    )
    parted = comparison["decisions"] - comparison["agreed"]
    console.print(
        f"Agreement {comparison['agreement']:.1%} of {comparison['decisions']} decisions; "
        f"they part in {parted}: only live lets wait {comparison['only_live_waits']}, "
        f"only the shadow {comparison['only_shadow_waits']}."
    )
    if comparison["with_faults"]:
        console.print(f"[yellow]A plugin failed in {comparison['with_faults']} of them.[/]")
    means = Table("", "decisions", "live", "shadow", "difference")
    for measure in MEASURES:
        mean = comparison[measure]
        if mean is not None:
            numbers = (f"{mean[name]:.3f}" for name in ("live", "shadow", "difference"))
            means.add_row(measure, str(mean["decisions"]), *numbers)
    console.print(means)
    if comparison["parted"]:
        pairs = Table("live chose", "shadow chose", "decisions")
        for pair in comparison["parted"]:
            names = (escape(pair[side] or "nobody") for side in ("live_agent", "shadow_agent"))
            pairs.add_row(*names, str(pair["decisions"]))
        console.print(pairs)


def _trial_table(trial: Mapping[str, Any]) -> Table:
    live, other = trial["live"], trial["trial"]
    title = f"Team {escape(trial['team'])}: trial {other['profile']} on {trial['trial_percent']} %"
    shown = Table("", live["profile"], other["profile"], "difference", "95 % interval", title=title)
    differences = {each["measure"]: each for each in trial["differences"]}
    for label, measure, value in _ARM_ROWS:
        found = differences.get(measure)
        shown.add_row(
            label,
            _number(value(live)),
            _number(value(other)),
            _number(found and found["difference"]),
            _interval(found),
        )
    return shown


def _interval(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    if found["low"] is None:
        return "too few tickets"
    return f"{_number(found['low'])} to {_number(found['high'])}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
