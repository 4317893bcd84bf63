"""Writes docs/openapi.json, the description of the API; refuses what would break a client."""

import json
import sys
from pathlib import Path

import click

from services.intake.openapi.description import description
from tests.contract.openapi_breaks import breaks

OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.json"


def written() -> str:
    """Return the description of the API as it is now, as it is written to the file."""
    return json.dumps(description(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    """Write the file, or say what would break and return 1."""
    text = written()
    if OPENAPI.exists():
        broken = breaks(json.loads(OPENAPI.read_text()), json.loads(text))
        if broken and "--break-clients" not in sys.argv:
            click.echo("\n".join(broken))
            click.echo("Not written; before a release, --break-clients writes it all the same.")
            return 1
    OPENAPI.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
