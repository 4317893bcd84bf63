"""Silent name servers delay those who send to their names, and nobody else."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from services.notifier.channels import name_lookups, webhook
from services.notifier.channels.base import Delivered, Outcome, Postponed, TemporaryFailure
from services.notifier.channels.guarded_dial import DestinationRefused, Exchange, GuardedResolver
from services.notifier.channels.name_lookups import THREADS, Lookup, NameLookups, NoTurn
from shared.domain.address_guard import NOT_ALLOWED, AddressGuard
from tests.webhook_servers import NOW, answering, channel, receiver, request

KEY = ("hooks.example", 0)


class NameServer:
    """Answers as `getaddrinfo` does; a name with `silent` in it only when it is released."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.addresses: dict[str, list[str]] = {}
        self.released = threading.Event()
        self.waiting = threading.Semaphore(0)

    def __call__(self, host: str, port: int, *_: Any) -> list[Any]:
        self.asked[host] += 1
        if "silent" in host:
            self.waiting.release()
            self.released.wait(20)
        found = self.addresses.get(host, ["127.0.0.1"])
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", server)
        yield server
        server.released.set()


def run(scenario: Callable[[NameLookups], Awaitable[Any]], budget_s: float = 5.0) -> Any:
    async def whole() -> Any:
        lookups = NameLookups(budget_s)
        try:
            return await scenario(lookups)
        finally:
            lookups.close()

    return asyncio.run(whole())


async def found(lookups: NameLookups, host: str) -> list[str]:
    lookup = lookups.of((host, 0))
    await lookups.turn(lookup)
    return [each[4][0] for each in await lookups.answers(lookup)]


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():  # noqa: ASYNC110 -- the fact is one of threads, which set no event
            await asyncio.sleep(0.005)


async def hold(lookups: NameLookups, server: NameServer, count: int) -> list[asyncio.Task[Any]]:
    """Begin look-ups of names whose server is silent, and wait until they have their threads."""
    names = [f"silent-{server.asked.total()}-{number}.example" for number in range(count)]
    before = sum(server.asked.values())
    tasks = [asyncio.create_task(found(lookups, each)) for each in names]
    held = min(count, THREADS * 3 // 4)
    await until(lambda: sum(server.asked.values()) - before == held)
    return tasks


def test_a_name_is_looked_up_once_for_all_who_wait_and_not_again_while_it_is_good(
    name_server: NameServer,
) -> None:
    async def scenario(lookups: NameLookups) -> None:
        waiting = [asyncio.create_task(found(lookups, "silent.example")) for _ in range(100)]
        await until(lambda: name_server.asked["silent.example"] == 1)
        name_server.released.set()
        assert await asyncio.gather(*waiting) == [["127.0.0.1"]] * 100
        assert lookups.cached(("silent.example", 0)) is not None

    run(scenario)
    assert name_server.asked == {"silent.example": 1}


def test_answers_take_turns_and_a_failure_is_remembered_for_a_moment(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_server.addresses = {"two.example": ["192.0.2.1", "192.0.2.2"], "none.example": []}

    async def scenario(lookups: NameLookups) -> None:
        await found(lookups, "two.example")
        found_again = [lookups.cached(("two.example", 0)) for _ in range(4)]
        firsts = [answers[0][4][0] for answers in found_again if answers]
        assert sorted(firsts) == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]
        with pytest.raises(socket.gaierror):
            await found(lookups, "none.example")
        with pytest.raises(socket.gaierror):
            lookups.cached(("none.example", 0))
        monkeypatch.setattr(name_lookups, "FAILURE_CACHE_S", 0)
        with pytest.raises(socket.gaierror):
            await found(lookups, "none.example")
        assert lookups.cached(("none.example", 0)) is None
        assert lookups.stale(("none.example", 0)) is None

    run(scenario)


def test_many_silent_names_leave_threads_to_a_name_that_was_prompt(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookups, "DNS_CACHE_S", 0)

    async def scenario(lookups: NameLookups) -> None:
        await found(lookups, "hooks.example")
        tasks = await hold(lookups, name_server, 200)
        assert await found(lookups, "hooks.example") == ["127.0.0.1"]
        with pytest.raises(NoTurn):
            await found(lookups, "unknown.example")
        name_server.released.set()
        assert await found(lookups, "another.example") == ["127.0.0.1"]
        await asyncio.gather(*tasks, return_exceptions=True)

    run(scenario, budget_s=0.3)


def test_a_name_that_was_slow_does_not_wait_and_is_prompt_again_when_it_is(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookups, "DNS_CACHE_S", 0)
    monkeypatch.setattr(name_lookups, "PROMPT_S", 0)

    async def slowly(lookups: NameLookups, host: str) -> Lookup:
        lookup = lookups.of((host, 0))
        await until(lambda: lookup.slow)
        return lookup

    async def scenario(lookups: NameLookups) -> None:
        slow = await slowly(lookups, "silent-x.example")
        name_server.released.set()
        await lookups.answers(slow)
        name_server.released.clear()
        others = [await slowly(lookups, f"silent-{n}.example") for n in range(THREADS // 4)]
        with pytest.raises(NoTurn):
            lookups.of(("silent-x.example", 0))
        name_server.released.set()
        for each in others:
            await lookups.answers(each)
        monkeypatch.setattr(name_lookups, "PROMPT_S", 5)
        await found(lookups, "silent-x.example")
        name_server.released.clear()
        tasks = await hold(lookups, name_server, 60)
        again = lookups.of(("silent-x.example", 0))
        assert again.begun.done()
        name_server.released.set()
        await asyncio.gather(*tasks)
        await lookups.answers(again)

    run(scenario)


def sent(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, *, known: bool, budget_s: float = 0.05
) -> tuple[Outcome, Outcome]:
    """Send to a name, known or not, while silent ones hold all threads; and after that."""
    monkeypatch.setattr(webhook, "RESOLVE_BUDGET_S", budget_s)
    monkeypatch.setattr(name_lookups, "DNS_CACHE_S", 0)

    async def scenario() -> tuple[Outcome, Outcome]:
        async with receiver(answering(204, Connection="close")) as url, channel() as sender:
            hooks = request(url.replace("127.0.0.1", KEY[0]))
            if known:
                await sender.send(hooks)
            # As many as were prompt once, so that not even the last threads are free.
            names = [f"silent-{number}.example" for number in range(THREADS)]
            quiet = server.released.set
            quiet()
            for each in names:
                await sender.send(request(f"https://{each}:1/"))
            server.released.clear()
            before = sum(server.asked.values())
            tasks = [asyncio.create_task(sender.send(request(f"https://{n}:1/"))) for n in names]
            await until(lambda: sum(server.asked.values()) - before == THREADS)
            crowded = await sender.send(hooks)
            server.released.set()
            await asyncio.gather(*tasks)
            return crowded, await sender.send(hooks)

    return asyncio.run(scenario())


def test_without_a_thread_nothing_was_tried_and_it_goes_out_later(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded, later = sent(name_server, monkeypatch, known=False)
    assert isinstance(crowded, Postponed)
    assert 10 <= (crowded.until - NOW).total_seconds() <= 30
    assert isinstance(later, Delivered)


def test_a_name_whose_address_is_known_is_reached_without_a_thread(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded, later = sent(name_server, monkeypatch, known=True, budget_s=5)
    assert isinstance(crowded, Delivered)
    assert isinstance(later, Delivered)


def test_a_name_that_is_silent_itself_has_failed(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "RESOLVE_BUDGET_S", 0.05)

    async def scenario() -> Outcome:
        async with channel() as sender:
            return await sender.send(request("https://silent.example/"))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.reason == "the host name cannot be resolved"


def test_an_answer_that_is_used_again_is_vetted_again_and_a_refused_one_is_not_kept(
    name_server: NameServer,
) -> None:
    async def scenario() -> None:
        async with channel(allowed=(), allow_http=True) as sender:
            for count in (1, 2):
                name_server.addresses["hooks.example"] = ["10.0.0.1"]
                outcome = await sender.send(request("https://hooks.example/"))
                assert isinstance(outcome, TemporaryFailure)
                assert outcome.reason == NOT_ALLOWED
                assert name_server.asked["hooks.example"] == count
            lookups = NameLookups(5)
            inside = GuardedResolver(AddressGuard([ip_network("10.0.0.0/8")]), lookups)
            outside = GuardedResolver(AddressGuard(), lookups)
            assert await inside.resolve("hooks.example", 443)
            with pytest.raises(DestinationRefused):
                await outside.resolve("hooks.example", 443)
            lookups.close()

    asyncio.run(scenario())


def test_the_wait_for_a_thread_is_no_time_of_the_receiver() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(100) as deadline:
            exchange = Exchange(plain_http=False, deadline=deadline)
            end = deadline.when() or 0
            with exchange.queueing():
                began_at = loop.time()
                await until(lambda: loop.time() > began_at)
            assert (deadline.when() or 0) > end

    asyncio.run(scenario())
