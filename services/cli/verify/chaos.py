"""patchbay verify --chaos and --replay: what is asked, and what is told."""

import json
import secrets
import shutil
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import BinaryIO

import click
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from services.chaos.configuration import Configuration, read_configuration
from services.chaos.errors import ChaosError
from services.chaos.history import Seal, new_history, read_history, write_history
from services.chaos.interrupts import Interrupts
from services.chaos.leftovers import Leftovers, first_line
from services.chaos.names import new_name
from services.chaos.place import new_folder, new_place
from services.chaos.record import Record
from services.chaos.run import Terms, prove
from services.chaos.verdict import Verdict, document, judge
from services.cli.database_file import missing_file
from shared.db.engine import Database, open_database
from shared.db.schema import require_current
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import SystemClock
from shared.domain.errors import PatchbayError, SchemaBehind, Unavailable
from shared.settings import Settings

PURPOSE = "chaos.history"
MAX_SHOWN = 20
#: Seeds that are chosen have so many bits: short enough to be typed.
SEED_BITS = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """The options. `history` is where the history goes, or by default beside the data."""

    minutes: float
    seed: int | None
    history: Path | None
    as_json: bool


def run_chaos(asked: Asked, settings: Settings, left: Leftovers) -> bool:
    """Prove it on a copy; print and keep what was found. Returns whether all is sound.

    Raises ChaosError, or KeyboardInterrupt when it was interrupted. What could not be cleaned up by
    then is in `left`.
    """
    progress = Console(stderr=True)
    say = partial(progress.print, soft_wrap=True, markup=False, highlight=False)
    seed = secrets.randbits(SEED_BITS) if asked.seed is None else asked.seed
    terms = Terms(seed, timedelta(minutes=asked.minutes).total_seconds())
    configuration = _configuration(settings)
    counted = ", ".join(f"{count} {name}" for name, count in configuration.counts.items())
    say(f"Seed {seed}. Copied: {counted}.")
    name, interrupts = new_name(), Interrupts(say)
    path = asked.history or settings.data_dir / "chaos" / f"{name}.ndjson"
    verdict = None
    file = new_history(path)
    try:
        with (
            interrupts.caught(),
            new_folder(left) as folder,
            _kept_logs(folder, path, say) as keep,
            new_place(settings, folder, name, left) as place,
        ):
            try:
                record = prove(place, configuration, terms, say, interrupts.hold)
            except Exception:
                keep.set()
                raise
            finally:
                interrupts.hold()
            verdict = judge(record)
            if not verdict.sound:
                keep.set()
            # Told before anything else can go wrong: a proof takes long.
            seal = _kept(file, path, record, settings, say)
            _tell(verdict, seal, path, seed, signature="", as_json=asked.as_json)
    finally:
        file.close()
        if verdict is None:
            path.unlink(missing_ok=True)
    return verdict.sound


def _configuration(settings: Settings) -> Configuration:
    """Read what is to be copied; raises ChaosError if nothing could be shown with it."""
    file = missing_file(settings)
    if file is not None:
        raise ChaosError(f"There is no database at {file}.")
    with closing(open_database(settings, 2)) as live:
        require_current(live)
        configuration = read_configuration(live)
    if not configuration.counts.get("agents"):
        raise ChaosError("There is no agent, so nothing could be shown; add one first.")
    return configuration


def _kept(
    file: BinaryIO, path: Path, record: Record, settings: Settings, say: Callable[[str], object]
) -> Seal | None:
    """Write the history; None, and a warning, if that fails: the verdict stays what it is."""

    def signed(text: str) -> str:
        try:
            with closing(open_database(settings, 2)) as live:
                return _signed(live, text)
        except (PatchbayError, SQLAlchemyError) as error:
            say(f"Warning: the history is not signed: {first_line(error)}")
            return ""

    try:
        return write_history(file, record, signed)
    except OSError as error:
        say(f"Warning: the history {path} is not whole: {first_line(error)}")
        return None


@contextmanager
def _kept_logs(folder: Path, history: Path, say: Callable[[str], object]) -> Iterator[Event]:
    """Copy the logs of the processes beside the history at the end, if the event is set by then."""
    keep = Event()
    try:
        yield keep
    finally:
        logs = sorted(folder.glob("*.log"))
        if keep.is_set() and logs:
            kept = history.with_name(f"{history.name}.logs")
            try:
                kept.mkdir(exist_ok=True)
                for log in logs:
                    shutil.copy(log, kept / log.name)
                say(f"Logs: {kept}")
            except OSError as error:
                say(f"Warning: the logs could not be kept: {first_line(error)}")


def replay(path: Path, settings: Settings, *, as_json: bool) -> bool:
    """Judge a history again, without running anything; returns whether all was sound.

    Raises ChaosError for one that was changed, or signed by another installation.
    """
    record, seal = read_history(path)
    signature = _checked(seal, settings)
    verdict = judge(record)
    _tell(verdict, seal, path, int(record.about["seed"]), signature=signature, as_json=as_json)
    return verdict.sound


def _signed(live: Database, text: str) -> str:
    """Return the signature by the newest secret; empty where there is none, and none is made."""
    keys = SigningKeys(live, SystemClock())
    return urlsafe_b64encode(keys.mac(PURPOSE, text)).decode() if keys.exist() else ""


def _checked(seal: Seal, settings: Settings) -> str:
    """Tell whose the signature is, as far as this machine knows the installation."""
    if not seal.signature:
        return "not signed"
    if missing_file(settings) is not None:
        return "signature not checked: there is no database here"
    try:
        given = urlsafe_b64decode(seal.signature)
        with closing(open_database(settings, 2)) as live:
            require_current(live)
            keys = SigningKeys(live, SystemClock())
            good = keys.exist() and keys.is_mac(PURPOSE, seal.text, given)
    except (SchemaBehind, Unavailable) as error:
        return f"signature not checked: {error}"
    except ValueError:
        good = False
    if not good:
        raise ChaosError("The history was signed by another installation, or too long ago.")
    return "signed by this installation"


def _tell(
    verdict: Verdict, seal: Seal | None, path: Path, seed: int, *, signature: str, as_json: bool
) -> None:
    """Print the verdict; without a seal there is no whole history."""
    if as_json:
        history = seal and {
            "file": str(path),
            "lines": seal.lines,
            "sha256": seal.sha256,
            "signature": seal.signature or None,
        }
        told = {"seed": seed, **document(verdict), "history": history}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for line in _table(verdict):
        click.echo(line)
    click.echo(
        f"{verdict.accepted} tickets accepted, {verdict.assigned} of them assigned, "
        f"{verdict.waiting} waiting, {verdict.resolved} resolved; {verdict.events} events, "
        f"{verdict.duplicates} webhooks came twice, {verdict.mails} mails."
    )
    for each in verdict.violations[:MAX_SHOWN]:
        click.echo(f"{click.style('WRONG', fg='red')}  {each.rule.value}: {each.where}")
    if len(verdict.violations) > MAX_SHOWN:
        click.echo(f"       … and {len(verdict.violations) - MAX_SHOWN} more")
    if seal is not None:
        unsigned = "not signed: there is no signing key"
        signed = signature or ("signed" if seal.signature else unsigned)
        click.echo(f"History: {path} (sha256 {seal.sha256}; {signed})")
    count = len(verdict.violations)
    click.echo("Sound." if verdict.sound else f"Not sound, promises broken: {count}.")


def _table(verdict: Verdict) -> Iterator[str]:
    width = max([len("nemesis"), *(len(line.nemesis) for line in verdict.lines)])
    head = ("strikes", "accepted", "lost", "doubled", "broken otherwise", "recovery")
    yield "  ".join([f"{'nemesis':<{width}}", *head])
    for line in verdict.lines:
        recovery = "not seen" if line.recovered_s is None else f"{line.recovered_s:.1f} s"
        cells = (line.strikes, line.accepted, line.lost, line.doubled, line.broken, recovery)
        shown = (f"{cell:>{len(name)}}" for cell, name in zip(cells, head, strict=True))
        yield "  ".join([f"{line.nemesis:<{width}}", *shown])
