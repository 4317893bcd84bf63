"""Writes the golden examples of event types or versions that have none; changes none that exist."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from services.intake import bootstrap
from shared.db import schema
from shared.domain.clock import ManualClock
from shared.runtime import Runtime
from shared.settings import load_settings
from tests.contract.test_golden_events import GOLDEN, live_through_everything, name_of
from tests.factories import NOW


def main() -> None:
    """Live through everything once and write what is missing."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'patchbay.db'}"
        clock = ManualClock(NOW)
        runtime = Runtime(replace(load_settings(), database_url=url), clock)
        schema.migrate(runtime.database)
        app = bootstrap.build(runtime)
        for event in live_through_everything(runtime, app, clock):
            path = GOLDEN / name_of(event)
            if not path.exists():
                path.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n")
        bootstrap.close(app)
        runtime.close()


if __name__ == "__main__":
    main()
