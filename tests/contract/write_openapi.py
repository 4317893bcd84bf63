"""Writes docs/openapi.json, the description of the API; refuses what would break a client."""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from services.intake import bootstrap
from shared.runtime import Runtime
from shared.settings import load_settings
from tests.contract.openapi_breaks import breaks

OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.json"


def description() -> str:
    """Return the description of the API as it is now, as it is written to the file."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'patchbay.db'}"
        runtime = Runtime(replace(load_settings(), database_url=url))
        app = bootstrap.build(runtime)
        document = app.test_client().get("/openapi.json").get_json()
        bootstrap.close(app)
        runtime.close()
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    """Write the file, or say what would break and return 1."""
    text = description()
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
