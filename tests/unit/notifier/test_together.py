"""Questions of one moment are asked together, and everybody gets their own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from services.notifier.mail.together import Together


class Source:
    """Answers by the double; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.began, self.gate = asyncio.Event(), asyncio.Event()

    async def answer(self, questions: Sequence[int]) -> list[int]:
        self.asked.append(list(questions))
        self.began.set()
        await self.gate.wait()
        if -1 in questions:
            raise ValueError("no")
        return [2 * each for each in questions]


def test_questions_of_one_moment_are_one_call_and_later_ones_wait_for_it() -> None:
    async def scene() -> None:
        source = Source()
        together = Together(source.answer)
        first = [asyncio.create_task(together.ask(n)) for n in range(5)]
        await source.began.wait()
        second = [asyncio.create_task(together.ask(n)) for n in (10, 11)]
        await asyncio.sleep(0)
        assert source.asked == [[0, 1, 2, 3, 4]]
        source.gate.set()
        assert await asyncio.gather(*first) == [0, 2, 4, 6, 8]
        assert await asyncio.gather(*second) == [20, 22]
        assert source.asked[1:] == [[10, 11]]
        assert await together.ask(7) == 14

    asyncio.run(scene())


def test_what_the_source_raises_everybody_who_asked_gets_and_nobody_later() -> None:
    async def scene() -> None:
        source = Source()
        source.gate.set()
        together = Together(source.answer)
        both = await asyncio.gather(together.ask(-1), together.ask(1), return_exceptions=True)
        assert [type(each) for each in both] == [ValueError, ValueError]
        assert await together.ask(3) == 6

    asyncio.run(scene())


def test_who_gave_up_waiting_disturbs_nobody() -> None:
    async def scene() -> None:
        source = Source()
        together = Together(source.answer)
        gone, stays = (asyncio.create_task(together.ask(n)) for n in (1, 2))
        await source.began.wait()
        gone.cancel()
        source.gate.set()
        assert await stays == 4
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(scene())
