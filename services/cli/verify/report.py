"""What verify says, to people and to programs."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from shared.db.soundness.check import Result
from shared.db.soundness.examination import Examination
from shared.db.soundness.mending import Mended
from shared.domain.clock import rfc3339


def result_lines(result: Result) -> Iterator[str]:
    """Yield the lines of one check."""
    check, took = result.check, f"({result.seconds:.1f} s)" if result.seconds >= 1 else ""
    if not result.count:
        yield f"{click.style('ok   ', fg='green')}  {check.name:<24}  {check.promise} {took}"
        return
    head = f"{click.style('WRONG', fg='red')}  {check.name:<24}  {result.count}, not: "
    yield f"{head}{check.promise} {took}"
    yield from (f"         {finding.what}" for finding in result.findings)
    if result.count > len(result.findings):
        yield f"         … and {result.count - len(result.findings)} more"
    yield f"       --repair {check.mends}" if check.mends else "       --repair cannot tell"


def mended_line(done: Mended) -> str:
    """Return the line of one row that was mended, or was not."""
    if done.failed:
        return f"{click.style('FAILED', fg='red')} {done.check}  {done.id}: {done.what}"
    return f"{click.style('mended', fg='yellow')} {done.check}  {done.id}: {done.what}"


def last_lines(examination: Examination) -> Iterator[str]:
    """Yield the ages of the lists and the verdict."""
    aged = [f"{name} {age:.0f} s" for name, age in examination.ages.items() if age >= 1]
    yield f"Oldest row ready, by work list: {', '.join(aged) or 'none'}."
    broken = [result for result in examination.results if result.count]
    if broken:
        found = sum(result.count for result in broken)
        yield f"Not sound: {found} found, by {len(broken)} of {len(examination.results)} checks."
    else:
        yield f"Sound: {len(examination.results)} checks, nothing found."


def document(examination: Examination, mended: Sequence[Mended] | None) -> dict[str, Any]:
    """Return everything as JSON has it; `mended` is null where nobody asked for it."""
    return {
        "sound": examination.sound,
        "at": rfc3339(examination.at),
        "checks": [
            {
                "name": result.check.name,
                "promise": result.check.promise,
                "count": result.count,
                "findings": [{"id": each.id, "what": each.what} for each in result.findings],
                "repair": result.check.mends or None,
                "seconds": round(result.seconds, 3),
            }
            for result in examination.results
        ],
        "work_lists": [
            {"list": name.value, "oldest_ready_s": round(age, 3)}
            for name, age in examination.ages.items()
        ],
        "mended": None
        if mended is None
        else [
            {"check": each.check, "id": each.id, "what": each.what, "failed": each.failed}
            for each in mended
        ],
    }
