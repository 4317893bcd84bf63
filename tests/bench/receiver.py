"""A webhook receiver that costs little: takes everything, notes ids and times, answers 204.

`python -m tests.bench.receiver PORT`. GET /count answers how many different webhook-ids came,
GET /times all tickets with the time of their first event, GET /reset forgets.
"""

from time import time

import click

from tests.bench.posts import OK, Posts, header, serve

_TICKET = b'"ticket":{"id":"'


class Receiver(Posts):
    """One connection."""

    seen: set[bytes] = set()  # noqa: RUF012 -- one receiver a process
    times: dict[str, float] = {}  # noqa: RUF012 -- one receiver a process

    def take(self, head: bytes, body: bytes) -> None:
        self.seen.add(header(head, b"webhook-id"))
        at = body.find(_TICKET) + len(_TICKET)
        self.times.setdefault(body[at : at + 36].decode(), time())
        self.transport.write(OK)

    def figures(self, path: bytes) -> object:
        if path == b"/times":
            return self.times
        if path == b"/reset":
            self.seen.clear()
            self.times.clear()
        return len(self.seen)


@click.command()
@click.argument("port", type=int, default=0)
def main(port: int) -> None:
    """Receive webhooks."""
    serve(Receiver, port)


if __name__ == "__main__":
    main()
