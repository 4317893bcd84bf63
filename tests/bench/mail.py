"""Mails a second to a local mail server, each looked up, rendered and recorded."""

import asyncio
import time
from typing import Any

import aiosmtplib
from sqlalchemy import func, select

from deploy.local.servers import Servers
from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.samples import sample_event, sample_facts, sample_recipient
from services.notifier.mail.templates import MailTemplates
from shared.db import ticket_changes
from shared.db.engine import Database
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.domain.clock import SystemClock
from shared.domain.delivery import DeliveryChannel, MailKind
from shared.domain.work import WorkState
from shared.ports import choose_port
from shared.schemas.ticket import CreateTicketSchema
from shared.waiting import wait_until
from tests.bench.accepting import listens
from tests.bench.desk import PATIENCE_S, desk, per_ticket_ms, start_workers

#: As PATCHBAY_EMAIL_CONCURRENCY by default.
CONNECTIONS = 4


def mails(servers: Servers, count: int) -> dict[str, Any]:
    """Receipts to as many requesters, over the pool; beside it a bare loop with the same bytes."""
    port = choose_port()
    with desk(servers, "mails") as made:
        made.settings["PATCHBAY_EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        made.start("sink", "-m", "tests.bench.mail_sink", str(port))
        wait_until(lambda: listens(port), PATIENCE_S)
        bare = asyncio.run(_bare(port, count))
        database = Database(made.settings["PATCHBAY_DATABASE_URL"])
        _fill(database, count)
        start_workers(made, "notifier")
        began, already, before = time.perf_counter(), _sent(database), made.cpu()
        if not wait_until(lambda: _sent(database) >= count, PATIENCE_S):
            raise RuntimeError(f"only {_sent(database)} of {count} mails were sent")
        per_s = (count - already) / (time.perf_counter() - began)
        cpu = per_ticket_ms(before, made.cpu(), count - already)
        database.close()
    return {"mail_bare_per_s": bare, "mail_per_s": per_s, "mail_cpu_ms": cpu["notifier"]}


async def _bare(port: int, count: int) -> float:
    kind = MailKind.TICKET_RECEIVED
    renderer = MailRenderer(MailTemplates(), sender="Support <support@desk.example>")
    facts = sample_facts(kind, "en", "UTC")
    mail = renderer.render(kind, sample_recipient(kind), sample_event(kind, "en"), facts)
    assert isinstance(mail, RenderedMail)

    async def connection() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for _ in range(count // CONNECTIONS):
                await client.mail(mail.sender)
                await client.rcpt(mail.recipient)
                await client.data(mail.message)

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


def _fill(database: Database, count: int) -> None:
    schema = CreateTicketSchema()
    for start in range(0, count, 500):
        contents = [
            schema.load(
                {
                    "subject": "VPN drops every ten minutes",
                    "requester": {"email": f"mira{number}@example.com", "locale": "en"},
                }
            )
            for number in range(start, min(start + 500, count))
        ]
        with database.transaction() as tx:
            new = [NewTicket(content, "bench", "bench") for content in contents]
            ticket_changes.create(tx, new, SystemClock().now())


def _sent(database: Database) -> int:
    columns = table(Delivery).c
    query = select(func.count()).where(
        columns.channel == DeliveryChannel.EMAIL, columns.work_state == WorkState.DONE
    )
    with database.reading() as connection:
        return int(connection.execute(query).scalar_one())
