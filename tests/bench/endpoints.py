"""Many webhook endpoints in one process: those that answer, those that hang, those that fail.

`python -m tests.bench.endpoints PORT`, with `--certificate FILE` by TLS. What is posted to `/ok/…`
gets 204, to `/hang/…` nothing, to `/fail/…` 500. GET /figures answers how many came to `/ok/…`, how
many different ones, when, and how old each event was; GET /reset forgets.
"""

from datetime import datetime
from time import time

import click

from tests.bench.posts import OK, Posts, header, serve

_FAILED = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
_AT = b'"timestamp":"'
_MOMENT_CHARS = len("2026-01-02T03:04:05.678901Z")


class Endpoint(Posts):
    """One connection."""

    arrivals: list[float] = []  # noqa: RUF012 -- one set of figures a process
    ages: list[float] = []  # noqa: RUF012 -- one set of figures a process
    seen: set[tuple[bytes, bytes]] = set()  # noqa: RUF012 -- one set of figures a process

    def take(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/hang"):
            return
        if path.startswith(b"/fail"):
            self.transport.write(_FAILED)
            return
        now = time()
        at = body.find(_AT) + len(_AT)
        moment = datetime.fromisoformat(body[at : at + _MOMENT_CHARS].decode())
        self.arrivals.append(now)
        self.ages.append(now - moment.timestamp())
        self.seen.add((header(head, b"webhook-id"), path))
        self.transport.write(OK)

    def figures(self, path: bytes) -> object:
        if path == b"/reset":
            for kept in (self.arrivals, self.ages, self.seen):
                kept.clear()
        counts = {"count": len(self.arrivals), "distinct": len(self.seen)}
        if path != b"/figures":
            return counts
        return {**counts, "arrivals": self.arrivals, "ages": self.ages}


@click.command()
@click.argument("port", type=int, default=0)
@click.option("--certificate", default=None)
def main(port: int, certificate: str | None) -> None:
    """Receive webhooks."""
    serve(Endpoint, port, certificate)


if __name__ == "__main__":
    main()
