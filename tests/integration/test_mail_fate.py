"""An e-mail whose fate nobody can know is `unknown`, is not sent again, and can be re-driven."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notifier.mail_claims import MailClaims
from services.notifier.places import Places
from services.notifier.repository import DeliveryRepository
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.db.work_lists import DELIVERIES_DUE
from shared.domain.delivery import DeliveryChannel
from shared.domain.work import ListName, WorkState
from shared.messaging.worker_host import WorkerHost
from shared.ports import choose_port
from shared.runtime import Runtime
from shared.settings import Settings
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.rows import rows
from tests.waiting import eventually

MAILS = table(Delivery).c.channel == DeliveryChannel.EMAIL


class Relay:
    """A mail server that hangs up in the middle of DATA until it is mended."""

    def __init__(self) -> None:
        self.broken = True
        self.mails: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        if self.broken:
            assert server.transport is not None
            server.transport.close()
            await asyncio.sleep(0)
        return "250 taken"


@pytest.fixture
def relay() -> Iterator[tuple[Relay, str]]:
    handler = Relay()
    port = choose_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"smtp://127.0.0.1:{port}"
    controller.stop()


def test_a_relay_that_hangs_up_in_data_leaves_the_mail_unknown_until_it_is_redriven(
    relay: tuple[Relay, str],
    settings: Settings,
    desk: Desk,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> None:
    server, url = relay
    runtime = new_runtime(replace(settings, email_url=url))
    start_host(runtime)
    desk.ticket()
    [mail] = eventually(
        lambda: [
            d
            for d in rows(runtime.database, Delivery, MAILS)
            if d["work_state"] is WorkState.UNKNOWN
        ]
    )
    assert len(server.mails) == 1
    server.broken = False
    with runtime.database.transaction() as tx:
        assert DELIVERIES_DUE.redrive(tx, [mail["id"]], runtime.clock.now()) == 1
    runtime.ring(ListName.EMAIL)
    eventually(lambda: rows(runtime.database, Delivery, MAILS)[0]["work_state"] is WorkState.DONE)
    assert [envelope.rcpt_tos for envelope in server.mails] == [["mira@example.com"]] * 2


def test_a_worker_that_dies_in_data_leaves_the_mail_unknown(
    settings: Settings,
    desk: Desk,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> None:
    clock = ShiftedClock()
    runtime = new_runtime(None, clock)
    dead = DeliveryRepository(runtime.database, mail_enabled=True)
    # The fan-out makes the mail's delivery; the first worker leases it, begins DATA and dies.
    fan_out = new_runtime(replace(settings, email_url=f"file:{settings.data_dir / 'first'}"))
    host = start_host(fan_out, ["notifier"])
    desk.ticket()
    [mail] = eventually(lambda: rows(runtime.database, Delivery, MAILS))
    eventually(lambda: rows(runtime.database, Delivery, MAILS)[0]["work_state"] is WorkState.DONE)
    host.stop(5)
    with runtime.database.transaction() as tx:
        table_ = table(Delivery)
        tx.execute(table_.update().values(work_state=WorkState.READY, available_at=clock.now()))
    claims = MailClaims(runtime.database, timedelta(minutes=15))
    [job] = claims.claim(clock.now(), Places(1, 1)).jobs
    until = clock.now() + timedelta(minutes=11)
    assert dead.record_data_started([job], clock.now(), until) == {mail["id"]}

    start_host(runtime, ["notifier"])
    clock.advance(minutes=16)
    eventually(
        lambda: rows(runtime.database, Delivery, MAILS)[0]["work_state"] is WorkState.UNKNOWN
    )
    assert not (settings.data_dir / "outbox").exists()
