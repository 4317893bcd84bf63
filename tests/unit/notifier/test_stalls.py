"""For how long an event loop stood still, and whose time that was."""

import asyncio
import time

import pytest

from services.notifier.channels.stalls import BEAT_S, STOOD_STILL_S, Stalls

STALL_S = STOOD_STILL_S + 2 * BEAT_S


async def stand_still(stalls: Stalls) -> None:
    """Hold the loop up, and wait until that is noted."""
    began_at = asyncio.get_running_loop().time()
    time.sleep(STALL_S)  # noqa: ASYNC251 -- as if the process were stopped
    while not stalls.lost_since(began_at):  # noqa: ASYNC110 -- a timer tells nobody
        await asyncio.sleep(0)


def test_every_stall_of_an_exchange_counts_and_none_that_was_over_before() -> None:
    async def scenario() -> tuple[float, float, float]:
        stalls, loop = Stalls(), asyncio.get_running_loop()
        first_at = loop.time()
        await stand_still(stalls)
        between_at = loop.time()
        await stand_still(stalls)
        stalls.stop()
        return tuple(stalls.lost_since(at) for at in (first_at, between_at, loop.time()))

    both, second, none = asyncio.run(scenario())
    assert both == pytest.approx(2 * STALL_S, abs=2 * BEAT_S + 0.1)
    assert second == pytest.approx(STALL_S, abs=BEAT_S + 0.1)
    assert none == 0


def test_of_a_stall_only_what_came_after_the_beginning_counts() -> None:
    async def scenario() -> float:
        stalls, loop = Stalls(), asyncio.get_running_loop()
        time.sleep(STALL_S)  # noqa: ASYNC251
        # The rest of the callbacks that were ready run before the beat.
        began_at = loop.time()
        while not stalls.lost_since(began_at - STALL_S):  # noqa: ASYNC110
            await asyncio.sleep(0)
        stalls.stop()
        return stalls.lost_since(began_at)

    assert asyncio.run(scenario()) < BEAT_S
