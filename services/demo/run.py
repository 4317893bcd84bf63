"""One run: from an empty database to the summary, with everything stopped at its end."""

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import Any, TypeVar

import aiohttp
from rich.console import Console
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.demo import truth
from services.demo.api import Api, CallFailed
from services.demo.crew import Crew
from services.demo.desk import derive_desk
from services.demo.errors import DemoError
from services.demo.host import LOOK_S, Host, Place
from services.demo.incident import choose, load_incidents
from services.demo.ledger import Ledger
from services.demo.poster import CONNECTIONS, post_all
from services.demo.progress import shown
from services.demo.receiver import Receiver
from services.demo.replay import plan
from services.demo.rest import wait_for_rest
from services.demo.set_up import set_up, subscribe
from services.demo.summary import Summary, summarise
from shared.db import schema
from shared.db.engine import Database
from shared.db.keyrings import keyring_of_url
from shared.domain.errors import Unavailable

#: For the poster and the crew together.
HTTP_CONNECTIONS = 2 * CONNECTIONS
HTTP_TIMEOUT = aiohttp.ClientTimeout(total=30)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    tickets: int
    seed: int
    speed: float


async def run(options: Options, where: Place, console: Console) -> Summary:
    """Run the demo at a place; return what became of it. Raises DemoError."""
    try:
        # Its host goes without the settings, and so without the keys, of whoever starts it.
        keyring = keyring_of_url(where.database_url)
        database = Database(where.database_url, keyring=keyring)
    except (SQLAlchemyError, KeyError) as error:
        # Without the URL itself, which may hold a password.
        message = (
            "A database URL begins with sqlite:/// or postgresql+psycopg://; this one is wrong."
        )
        raise DemoError(message) from error
    host = Host(where)
    try:
        await asyncio.to_thread(prepare, database)
        console.print(f"Starting Patchbay on {where.base_url} …")
        host.start()
        key = await asyncio.to_thread(host.create_key)
        connector = aiohttp.TCPConnector(limit=HTTP_CONNECTIONS)
        async with aiohttp.ClientSession(connector=connector, timeout=HTTP_TIMEOUT) as http:
            await host.wait_until_ready(http)
            api = Api(http, where.base_url, key)
            return await _while_alive(host, _replay(options, where, console, database, api))
    except (CallFailed, Unavailable) as error:
        raise DemoError(str(error)) from error
    except DBAPIError as error:
        message = f"The database cannot be used: {error.orig}"
        raise DemoError(message) from error
    finally:
        await asyncio.to_thread(host.stop)
        database.close()


def prepare(database: Database) -> None:
    """Bring the schema up to date; raises DemoError for a database that is in use."""
    if schema.current_revision(database) is not None:
        with database.reading() as connection:
            found = truth.residents(connection)
        if found:
            things = ", ".join(f"{count:,} {name}" for name, count in found.items())
            message = f"The demo needs an empty database; this one already has {things}."
            raise DemoError(message)
    schema.migrate(database)


async def _replay(
    options: Options, where: Place, console: Console, database: Database, api: Api
) -> Summary:
    incidents = load_incidents()
    random = Random(options.seed)  # noqa: S311 -- a replay that can be repeated, not a secret
    postings = plan(choose(incidents, options.tickets, random), options.speed)
    ledger = Ledger()
    crew = Crew({posting.key: posting.handling_s for posting in postings}, ledger)
    async with Receiver(ledger, crew.see) as receiver:
        desk = derive_desk(incidents)
        console.print(
            f"Building a desk of {len(desk.agents)} agents in {len(desk.teams)} teams, with "
            f"{len(desk.skills)} skills and {len(desk.rules)} routing rules …"
        )
        agents = await set_up(api, desk)
        receiver.trust(await subscribe(api, receiver.url))
        crew.start(api)
        breaks = asyncio.create_task(crew.take_breaks(agents, postings[-1].due_s, random))
        started = monotonic()
        try:
            async with shown(console, ledger, len(postings)):
                await post_all(api, postings, secrets.token_hex(4), ledger)
                posting_seconds = monotonic() - started
                await breaks
                await wait_for_rest(database, crew, ledger)
        finally:
            breaks.cancel()
            await asyncio.gather(breaks, return_exceptions=True)
            await crew.stop()
        seconds = monotonic() - started
        with database.reading() as connection:
            found = truth.read_truth(connection)
    mails = frozenset(path.stem for path in where.outbox.glob("*.eml"))
    return summarise(found, ledger, mails, seconds, posting_seconds)


async def _while_alive(host: Host, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; cancel it and raise DemoError when Patchbay ends before."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            host.require_alive()
            await asyncio.wait({task}, timeout=LOOK_S)
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
