"""patchbay simulate: profiles compared on a log, a scenario or this installation's own past."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.history import read_history
from services.cli.simulate_types import HANDLING, TIME
from services.router.profile import Profile
from services.router.simulation.desk import Sla, World
from services.router.simulation.draws import DrawsBy
from services.router.simulation.experiment import Experiment, Findings, run, steps
from services.router.simulation.log import LogRecord, read_log
from services.router.simulation.log_handling import Reading
from services.router.simulation.log_world import Arrivals, LogOptions, log_world
from services.router.simulation.profile_files import built_in, read_profile
from services.router.simulation.report.document import Provenance, document
from services.router.simulation.report.page import page
from services.router.simulation.report.table import rendered
from services.router.simulation.scenario import read_scenario
from services.router.simulation.shadow import SkillPrice, skill_prices
from services.router.simulation.staff_file import read_staff
from services.router.simulation.theory.errors import LabError
from shared.domain.clock import SystemClock, rfc3339
from shared.settings import load_settings

PIPE_WIDTH = 150

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("log", required=False, type=_FILE)
@click.option("--scenario", type=_FILE, help="Classes and agents from a YAML file, not a log.")
@click.option("--history", is_flag=True, help="Replay this installation's own tickets.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="With --history: tickets created from then."
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    help=f"A YAML file, or one of {', '.join(built_in())}. Repeatable. [default, longest_idle]",
)
@click.option("--seeds", type=click.IntRange(1, 10_000), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The first one.")
@click.option(
    "--draws",
    type=click.Choice(DrawsBy),
    default=DrawsBy.START,
    show_default=True,
    help="Whether a draw of handling time belongs to the k-th start or to a ticket.",
)
@click.option(
    "--handling",
    type=HANDLING,
    help="With a log: effort, in_hand, or a law such as exponential:20m.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="With a log: multiplies handling times.",
)
@click.option(
    "--gap", type=TIME, default=900.0, help="With a log: the most that one act takes. [15m]"
)
@click.option(
    "--capacity",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="With a log: tickets that an agent handles at a time, at least.",
)
@click.option(
    "--agents",
    type=click.IntRange(1, 10_000),
    help="With a log: as many, always there, instead of the log's staff.",
)
@click.option(
    "--staff",
    type=_FILE,
    help="With a log: the agents of a YAML file instead of the log's staff.",
)
@click.option("--arrivals", type=click.Choice(Arrivals), default=Arrivals.LOG, show_default=True)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="With --arrivals poisson: tickets an hour. [as the log]",
)
@click.option("--no-handovers", is_flag=True, help="With a log: nobody hands tickets on.")
@click.option(
    "--sla",
    type=click.Choice(Sla),
    default=Sla.RESOLUTION,
    show_default=True,
    help="With a log: what has to happen within the target.",
)
@click.option(
    "--shadow-prices", is_flag=True, help="Which skill to teach whom, by the hindsight program."
)
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes. [cores]"
)
@click.option("--json", "json_file", type=_FILE, help="Write everything there.")
@click.option(
    "--html", "html_file", type=_FILE, help="Write one page with plots there, to be mailed."
)
def simulate(
    *,
    log: Path | None,
    scenario: Path | None,
    history: bool,
    since: datetime | None,
    profiles: Sequence[str],
    seeds: int,
    seed: int,
    draws: DrawsBy,
    shadow_prices: bool,
    jobs: int,
    json_file: Path | None,
    html_file: Path | None,
    **options: Any,
) -> None:
    """Replay a log of tickets, or a scenario, through routing profiles and compare them.

    The plugins that route in production decide here, on a virtual clock; every profile meets the
    same tickets and the same luck. docs/simulation.md says how to read the result.

    \b
    patchbay simulate tickets.jsonl --profile default --profile round_robin --html report.html
    patchbay simulate --scenario desk.yaml --profile mine.yaml --profile default --seeds 20
    patchbay simulate --history --since 2026-01-01 --shadow-prices
    """  # noqa: D301 -- \b is for click
    if sum((log is not None, scenario is not None, history)) != 1:
        raise click.UsageError("Name one source: a LOG file, --scenario FILE or --history.")
    if since is not None and not history:
        raise click.UsageError("--since goes with --history.")
    chosen = _profiles(profiles or ("default", "longest_idle"))
    world = _world(log, scenario, since, options)
    experiment = Experiment(world, chosen, tuple(range(seed, seed + seeds)), draws)
    findings = _run(experiment, jobs)
    prices = _prices(world, seed) if shadow_prices else []
    how = Provenance(_command(), rfc3339(SystemClock().now()))
    found = document(findings, how, prices)
    if json_file is not None:
        _write(json_file, orjson.dumps(found, option=orjson.OPT_INDENT_2))
    if html_file is not None:
        _write(html_file, page(found).encode())
    # A file or a pipe has no width of its own.
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(rendered(found))


def _profiles(names: Sequence[str]) -> tuple[Profile, ...]:
    """Return the profiles, with names that differ."""
    found: list[Profile] = []
    for name in names:
        profile = read_profile(name)
        taken = [other.name for other in found]
        if profile.name in taken:
            profile = replace(profile, name=f"{profile.name} {len(found) + 1}")
        found.append(profile)
    return tuple(found)


def _world(
    log: Path | None, scenario: Path | None, since: datetime | None, options: dict[str, Any]
) -> World:
    if scenario is not None:
        return read_scenario(scenario)
    if log is not None:
        return _replayed(log.name, read_log(log), Reading.EFFORT, options)
    first = since.replace(tzinfo=UTC) if since is not None else None
    records = read_history(load_settings(), first)
    return _replayed("history", records, Reading.IN_HAND, options)


def _replayed(
    title: str, records: Sequence[LogRecord], usual: Reading, options: dict[str, Any]
) -> World:
    handling = options["handling"] or usual
    law, mean_s = (None, None) if isinstance(handling, Reading) else handling
    rate = options["rate"]
    if options["agents"] is not None and options["staff"] is not None:
        raise LabError("--agents and --staff both say who works; give one of them")
    read = LogOptions(
        reading=handling if isinstance(handling, Reading) else usual,
        gap_s=options["gap"],
        law=law,
        mean_s=mean_s,
        scale=options["scale"],
        capacity=options["capacity"],
        agents=options["agents"],
        staff=None if options["staff"] is None else read_staff(options["staff"]),
        arrivals=options["arrivals"],
        rate=None if rate is None else rate / 3600,
        handovers=not options["no_handovers"],
        sla=options["sla"],
    )
    return log_world(title, records, read)


def _run(experiment: Experiment, jobs: int) -> Findings:
    console = Console(stderr=True)
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=steps(experiment))
        return run(experiment, jobs, lambda: progress.advance(task))


def _prices(world: World, seed: int) -> list[SkillPrice]:
    try:
        return skill_prices(world, seed)
    except LabError as error:
        click.echo(f"No shadow prices: {error.detail}", err=True)
        return []


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}") from error


def _command() -> str:
    return shlex.join(["patchbay", *sys.argv[1:]])
