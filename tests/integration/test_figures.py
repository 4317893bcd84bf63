"""What lies in the database is in the metrics: read by one process, and gone with it."""

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest

from shared.db.figures.reader import EVERY, KEPT_FOR, SHARE, FigureReader
from shared.db.models import Delivery, EndpointHealth, Ticket
from shared.db.models.base import table
from shared.domain.delivery import DeliveryChannel
from shared.domain.work import ListName, WorkState
from shared.messaging.worker_host import WorkerHost
from shared.observability.figures import FigureBoard
from shared.runtime import Runtime
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.factories import delivery
from tests.figures import read_figures, shown
from tests.receiver import Receiver
from tests.rows import set_columns
from tests.waiting import eventually


def backlog(figures: dict[str, float]) -> dict[str, float]:
    """The lists on which something is due."""
    lists = ((name, figures[f'patchbay_list_backlog{{list="{name}"}}']) for name in ListName)
    return {name.value: count for name, count in lists if count}


def oldest(figures: dict[str, float], name: str) -> float:
    return figures[f'patchbay_list_oldest_seconds{{list="{name}"}}']


def chosen(figures: dict[str, float], names: Iterable[str]) -> dict[str, float]:
    return {name: figures[name] for name in names}


def test_an_idle_desk_has_every_list_at_nothing(desk: Desk, runtime: Runtime) -> None:
    figures = read_figures(runtime)
    assert backlog(figures) == {}
    assert {oldest(figures, name.value) for name in ListName} == {0}
    assert figures["patchbay_agents_available"] == 0
    assert figures['patchbay_list_dead{list="routing",state="dead"}'] == 0


def test_the_backlog_of_each_list_and_the_age_of_its_oldest_row(
    desk: Desk, runtime: Runtime, clock: ShiftedClock
) -> None:
    for _ in range(3):
        desk.ticket()
    desk.agent()
    clock.advance(seconds=100)
    figures = read_figures(runtime)
    assert backlog(figures) == {"routing": 3, "events": 3, "matching": 1}
    assert oldest(figures, "routing") == pytest.approx(100, abs=10)
    # The clocks of the service levels are due after hours, and then they are a backlog.
    clock.advance(days=60)
    assert backlog(read_figures(runtime))["sla"] == 3


def test_what_waits_for_an_endpoint_that_rests_is_no_backlog(
    desk: Desk, runtime: Runtime, clock: ShiftedClock
) -> None:
    prompt, resting, gone = (desk.webhook(f"http://127.0.0.1:{n}/")["id"] for n in (1, 2, 3))
    now = clock.now()
    due = {"available_at": now - timedelta(seconds=60)}
    with runtime.database.transaction() as tx:
        rows = [delivery(receiver=each, **due) for each in (prompt, resting, gone)]
        mail = delivery(channel=DeliveryChannel.EMAIL, receiver="mira@example.com", **due)
        dead = delivery(receiver=prompt, work_state=WorkState.DEAD)
        unknown = {**mail, **delivery(channel=DeliveryChannel.EMAIL, receiver="leo@example.com")}
        unknown["work_state"] = WorkState.UNKNOWN
        tx.insert(table(Delivery), [*rows, mail, dead, unknown])
        health = {"opens": 1, "failures_in_row": 5, "failures": 5, "warned": 0, "tokens": 0.0}
        counts = {"window_attempts": 0, "window_failures": 0, "stale": False}
        until = now + timedelta(minutes=5)
        rest = {"subscription_id": resting, "blocked_until": until, "open_until": until}
        tx.insert(table(EndpointHealth), [health | counts | rest])
    desk.ok("PATCH", f"/v1/webhooks/{gone}", {"enabled": False})
    figures = read_figures(runtime)
    assert backlog(figures) == {"webhook": 1, "email": 1}
    assert oldest(figures, "webhook") == pytest.approx(60, abs=10)
    states = ("healthy", "failing", "paused", "open", "half_open", "disabled")
    names = [f'patchbay_webhook_endpoints{{state="{state}"}}' for state in states]
    assert list(chosen(figures, names).values()) == [1, 0, 0, 1, 0, 1]
    assert figures['patchbay_list_dead{list="webhook",state="dead"}'] == 1
    assert figures['patchbay_list_dead{list="email",state="unknown"}'] == 1
    assert figures['patchbay_list_dead{list="email",state="dead"}'] == 0


def test_tickets_that_wait_are_counted_by_team_and_by_need(
    working_desk: Desk, runtime: Runtime, clock: ShiftedClock
) -> None:
    desk = working_desk
    desk.team("network")
    desk.skill("vpn")
    desk.ticket(team="network", required_skills=[{"skill": "vpn", "level": 2}])
    for _ in range(2):
        desk.ticket(team="network")
    desk.ticket()
    teams = {'patchbay_waiting_tickets{team="network"}': 3, 'patchbay_waiting_tickets{team=""}': 1}
    eventually(lambda: teams.items() <= read_figures(runtime).items())
    clock.advance(hours=1)
    figures = read_figures(runtime)
    assert figures['patchbay_waiting_needs{need="network|vpn:2"}'] == 1
    waited = figures['patchbay_waiting_oldest_seconds{team="network"}']
    assert waited == pytest.approx(3600, abs=30)


def test_agents_are_counted_by_presence_and_their_room_by_team(
    working_desk: Desk, runtime: Runtime
) -> None:
    desk = working_desk
    desk.team("network")
    desk.team("desktop")
    desk.agent(2, teams=["network", "desktop"])
    desk.agent(3, teams=["network"], presence="away")
    desk.agent(1)
    for _ in range(2):
        desk.ticket(team="network")
    wanted = {
        'patchbay_agents{presence="online"}': 2,
        'patchbay_agents{presence="away"}': 1,
        'patchbay_agents{presence="offline"}': 0,
        "patchbay_agents_available": 1,
        'patchbay_team_agents{team="network",presence="online"}': 1,
        'patchbay_team_load{team="network",presence="online"}': 2,
        'patchbay_team_capacity{team="network",presence="online"}': 2,
        'patchbay_team_capacity{team="network",presence="away"}': 3,
        'patchbay_team_load{team="desktop",presence="online"}': 2,
        'patchbay_team_agents{team="",presence="online"}': 1,
    }
    eventually(lambda: wanted.items() <= read_figures(runtime).items())


def test_clocks_of_service_levels_are_counted_by_state(
    working_desk: Desk, runtime: Runtime, clock: ShiftedClock
) -> None:
    desk = working_desk
    desk.sla_policy("gold", "4h")
    desk.team("network", sla_policy="gold")
    first, paused = (desk.ticket(team="network")["id"] for _ in range(2))
    desk.agent(teams=["network"])
    eventually(lambda: all(desk.read(each)["assignee"] for each in (first, paused)))
    desk.step(paused, "ask", note="Which gateway?")
    running = {
        'patchbay_sla_clocks{metric="resolution",state="running"}': 1,
        'patchbay_sla_clocks{metric="resolution",state="paused"}': 1,
        'patchbay_sla_clocks{metric="resolution",state="breached"}': 0,
    }
    eventually(lambda: running.items() <= read_figures(runtime).items())
    clock.advance(hours=5)
    late = {
        'patchbay_sla_clocks{metric="first_response",state="breached"}': 2,
        'patchbay_sla_clocks{metric="resolution",state="running"}': 0,
        'patchbay_sla_clocks{metric="resolution",state="breached"}': 1,
    }
    eventually(lambda: late.items() <= read_figures(runtime).items())


def test_one_process_reads_and_another_takes_over_when_it_is_gone(
    runtime: Runtime, clock: ShiftedClock
) -> None:
    boards = FigureBoard(), FigureBoard()
    first, second = (
        FigureReader(runtime.database, f"process-{n}", board) for n, board in enumerate(boards)
    )
    first(clock.now())
    second(clock.now())
    assert [bool(shown(board)) for board in boards] == [True, False]
    # Where reading takes long it is rarer, also on a machine that is only busy.
    took_s = shown(boards[0])["patchbay_figures_read_seconds"]
    rest = max(EVERY, timedelta(seconds=took_s / SHARE))
    clock.advance(seconds=rest.total_seconds() * KEPT_FOR + 1)
    second(clock.now())
    first(clock.now())
    assert [bool(shown(board)) for board in boards] == [False, True]


def test_the_figures_of_a_running_desk_are_in_its_metrics(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost], receiver: Receiver
) -> None:
    desk.webhook(receiver.url, "ticket.created")
    set_columns(runtime.database, Ticket, desk.ticket()["id"], work_state=WorkState.DEAD)
    start_host(runtime)
    desk.ticket()
    receiver.wait_for(2)

    def metrics() -> set[str]:
        return set(desk.call("GET", "/metrics").get_data(as_text=True).splitlines())

    eventually(lambda: 'patchbay_list_dead{list="routing",state="dead"} 1.0' in metrics())
    leads = 'patchbay_timers_leading{timers="timers:router+notifier"} 1.0'
    assert leads in metrics()
    assert any(each.startswith("patchbay_commit_rows_count") for each in metrics())
    assert any(each.startswith("patchbay_database_pool_wait_seconds_count") for each in metrics())
