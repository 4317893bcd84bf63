"""Serves the baseline by the same server with the same number of threads as intake."""

import sys

from granian import Granian
from granian.constants import HTTPModes, Interfaces

if __name__ == "__main__":
    Granian(
        "tests.bench.baseline_http:build",
        factory=True,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=64,
        http=HTTPModes.http1,
        backlog=2048,
        log_enabled=False,
    ).serve()
