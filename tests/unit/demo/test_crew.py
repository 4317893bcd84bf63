"""The agents of the demo: what they do once they have been told to stop."""

import asyncio

import aiohttp

from services.demo.api import Api
from services.demo.crew import Crew
from services.demo.ledger import Ledger

ASSIGNED = {
    "type": "ticket.assigned",
    "data": {"ticket": {"id": "tkt_1", "external_id": "1", "assignee": {"name": "Ada"}}},
}


def test_what_is_assigned_after_the_end_is_not_begun() -> None:
    async def scenario() -> tuple[int, int]:
        crew = Crew({"1": 60}, Ledger())
        async with aiohttp.ClientSession() as http:
            crew.start(Api(http, "http://127.0.0.1:1", "key"))
            crew.see(ASSIGNED)
            await asyncio.sleep(0)
            await crew.stop()
            crew.see(ASSIGNED)
            return crew.begun, crew.busy

    assert asyncio.run(scenario()) == (1, 0)
