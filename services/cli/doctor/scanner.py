"""The virus scanner: whether it answers, takes files, and knows the viruses of these days."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter

from services.cli.doctor.finding import Finding, error, ok, warning
from services.intake.attachments.clamd import Clamd, ScanFailed
from shared.domain.clock import SystemClock
from shared.settings import Settings

#: Signatures come out daily; freshclam that has not run for so long does not run.
OLD = timedelta(days=7)
#: Whoever asks the doctor does not wait as long as a large file may take.
PATIENCE_S = 10.0
#: How clamd writes when its signatures were made; its clock is taken for UTC.
_MADE = "%a %b %d %H:%M:%S %Y"


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield findings about the scanner; raises Unavailable for one that does not answer."""
    if settings.clamd_url == "off":
        yield ok("files are not scanned for viruses (PATCHBAY_CLAMD_URL is off)")
        return
    clamd = Clamd(settings.clamd_url, min(settings.clamd_timeout_s, PATIENCE_S))
    started = perf_counter()
    product, _, signatures = clamd.version().partition("/")
    yield ok(f"{product} answers in {(perf_counter() - started) * 1000:.0f} ms")
    yield _signatures(signatures)
    try:
        found = clamd.scan([b"patchbay doctor"])
    except ScanFailed as fault:
        yield error(
            str(fault),
            "files stay unscanned, and nobody can download them",
            "see the log of clamd; StreamMaxLength in clamd.conf must be above "
            "PATCHBAY_ATTACHMENT_MAX_BYTES",
        )
        return
    if found is None:
        yield ok("a file was scanned")
    else:
        yield error(
            f"a file without a virus was said to be {found}",
            "files are refused that do no harm",
            "see the signatures that were added to clamd",
        )


def _signatures(text: str) -> Finding:
    """Judge `27500/Sat Nov 21 09:00:00 2026`, what clamd says of its signatures."""
    why, way_out = "new viruses are not found", "run freshclam, and let it run as a service"
    number, _, made = text.partition("/")
    if not number:
        return error("the scanner has no signatures", "no virus is found", way_out)
    try:
        age = SystemClock().now() - datetime.strptime(made, _MADE).replace(tzinfo=UTC)
    except ValueError:
        return ok(f"signatures {number}")
    if age > OLD:
        return warning(f"signatures {number} are {age.days} days old", why, way_out)
    return ok(f"signatures {number} of {made}")
