"""The baseline of deliveries: a bare aiohttp loop that posts the same bytes, and records nothing.

`python -m tests.bench.baseline_post URL FILE --requests N`; prints requests a second.
"""

import asyncio
import ssl
import sys
from pathlib import Path
from time import perf_counter

import aiohttp
import click

#: As many under way as one endpoint, or a hundred of them together, gets from a notifier.
CONCURRENCY = 128


async def post(url: str, body: bytes, requests: int, certificate: str | None) -> float:
    """Post as fast as can be; return requests a second."""
    tls = ssl.create_default_context(cafile=certificate) if certificate else False
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "evt_01a1ffa98347710aa17f145bef23c59c",
        "webhook-timestamp": "1767345045",
        "webhook-signature": "v1," + "A" * 44,
    }
    left = iter(range(requests))
    connector = aiohttp.TCPConnector(limit=0, ssl=tls)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one_after_the_other() -> None:
            for _ in left:
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()

        started = perf_counter()
        await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENCY)))
        return requests / (perf_counter() - started)


@click.command()
@click.argument("url")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--requests", default=20_000)
@click.option("--certificate", default=None)
def main(url: str, file: Path, requests: int, certificate: str | None) -> None:
    """Post FILE to URL."""
    rate = asyncio.run(post(url, file.read_bytes(), requests, certificate))
    sys.stdout.write(f"{rate}\n")


if __name__ == "__main__":
    main()
