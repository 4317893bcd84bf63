"""The agents: each ticket that is assigned is handled for a while and resolved; some take a break.

They know of their tickets from the webhooks alone, as any system behind a real desk would.
"""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from random import Random
from typing import Any

from services.demo.api import Api, CallFailed, Refused
from services.demo.ledger import Ledger

#: Which part of the agents goes offline, and from when to when, as parts of the time of posting.
BREAK_SHARE, BREAK_BEGINS, BREAK_ENDS = 0.15, 0.3, 0.6

#: Somebody else changed the ticket meanwhile: it was taken back, and its next event will tell.
_MOVED_ON = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)


class Crew:
    """Handles tickets; `handling_s` gives the seconds by a ticket's external id."""

    def __init__(self, handling_s: Mapping[str, float], ledger: Ledger) -> None:
        self._handling_s = handling_s
        self._ledger = ledger
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._api: Api | None = None
        #: Rises with everything that begins; with `busy` it tells whether more may come.
        self.begun = 0

    @property
    def busy(self) -> int:
        """How many tickets are in hand."""
        return len(self._in_hand)

    def start(self, api: Api) -> None:
        """Begin to work."""
        self._api = api

    def see(self, event: Mapping[str, Any]) -> None:
        """Take up what was assigned, drop what was taken back."""
        ticket = event["data"]["ticket"]
        if event["type"] == "ticket.returned":
            task = self._in_hand.pop(ticket["id"], None)
            if task is not None:
                task.cancel()
        elif event["type"] == "ticket.assigned" and self._api is not None:
            self.begun += 1
            task = asyncio.get_running_loop().create_task(self._handle(self._api, ticket))
            self._in_hand[ticket["id"]] = task

    async def take_breaks(self, agents: Sequence[str], posting_s: float, random: Random) -> None:
        """Send some agents offline for a while; what they have not begun goes back to the team."""
        assert self._api is not None  # noqa: S101 -- started before anything else
        resting = random.sample(list(agents), round(len(agents) * BREAK_SHARE))
        await asyncio.sleep(posting_s * BREAK_BEGINS)
        await self._set_presence(self._api, resting, "offline")
        await asyncio.sleep(posting_s * (BREAK_ENDS - BREAK_BEGINS))
        await self._set_presence(self._api, resting, "online")

    async def stop(self) -> None:
        """Drop everything, and begin nothing more."""
        self._api = None
        tasks = list(self._in_hand.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle(self, api: Api, ticket: Mapping[str, Any]) -> None:
        try:
            await asyncio.sleep(self._handling_s[ticket["external_id"]])
            summary = f"Solved by {ticket['assignee']['name']}."
            # Only if it is still as it was: a ticket that was taken back is somebody else's now.
            await api.send(
                "POST",
                f"/v1/tickets/{ticket['id']}/transitions",
                {"transition": "resolve", "resolution": {"summary": summary}},
                {"If-Match": f'"{ticket["version"]}"'},
            )
        except CallFailed as error:
            if not (isinstance(error, Refused) and error.status in _MOVED_ON):
                self._ledger.failures.append(str(error))
        finally:
            if self._in_hand.get(ticket["id"]) is asyncio.current_task():
                del self._in_hand[ticket["id"]]

    async def _set_presence(self, api: Api, agents: Sequence[str], presence: str) -> None:
        body = {"presence": presence}
        await asyncio.gather(*(api.send("PUT", f"/v1/agents/{a}/presence", body) for a in agents))
