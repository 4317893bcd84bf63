"""A plot as a file of its own: what the page of a simulation says by CSS stands in the file."""

from collections.abc import Sequence
from html import escape

COLOURS = ("#2563eb", "#dc2626", "#059669", "#7c3aed", "#d97706", "#0891b2")

_STYLE = (
    "<style>text{font:12px sans-serif;fill:#374151}.grid{stroke:#e5e7eb}.axis,.tick{stroke:#6b7280}"
    ".line{fill:none;stroke-width:2}"
    + "".join(
        f".line.s{n}{{stroke:{colour}}}.dot.s{n}{{fill:{colour}}}"
        for n, colour in enumerate(COLOURS)
    )
    + "</style>"
)
#: Where keys begin, how wide one is at most, and how much room there is for all.
_KEYS_AT, _KEY_WIDTH, _KEYS_WIDTH = 60, 170, 650

#: How numbers stand beside an axis.
tick = "{:,g}".format


def standalone(plot: str, names: Sequence[str]) -> str:
    """Return a plot of `services.router.simulation.report.svg` with style and keys.

    `names` are those of its series; each has its colour.
    """
    width = min(_KEY_WIDTH, _KEYS_WIDTH // max(1, len(names)))
    keys = "".join(
        f'<rect x="{_KEYS_AT + width * n}" y="2" width="12" height="4" fill="{COLOURS[n]}"/>'
        f'<text x="{_KEYS_AT + 18 + width * n}" y="9">{escape(name)}</text>'
        for n, name in enumerate(names)
    )
    head, _, rest = plot.partition(">")
    namespace = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    background = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f"{namespace}>{_STYLE}{background}{keys}{rest}\n"
