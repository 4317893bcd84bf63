"""Who is woken after events became deliveries, on both databases."""

from datetime import timedelta

from services.notifier.endpoint_claims import EndpointClaims
from services.notifier.fan_out import FanOut
from services.notifier.places import Places
from shared.db.models import OutboxEntry
from shared.domain.work import ListName
from tests.fixtures.shops import Shop
from tests.rows import rows, set_columns


def test_an_event_that_nobody_wants_wakes_whoever_waits_behind_it(shop: Shop) -> None:
    """It failed once and rests, and the next one of its ticket is fanned out before it."""
    shop.desk.agent(1)
    shop.desk.webhook("https://127.0.0.1/hook", "ticket.assigned")
    shop.desk.ticket()
    shop.settle()
    database, rung = shop.runtime.database, list[ListName]()
    fan_out = FanOut(database, shop.clock, rung.append, 100, mail_enabled=False)
    claims = EndpointClaims(database, timedelta(seconds=30))
    created, _ = sorted(rows(database, OutboxEntry), key=lambda row: row["sequence"])
    later = shop.clock.now() + timedelta(seconds=1)
    set_columns(database, OutboxEntry, created["id"], available_at=later)

    def due() -> int:
        return len(claims.claim(shop.clock.now(), Places(10, 10)).jobs)

    assert fan_out() == 1
    assert due() == 0
    rung.clear()
    shop.clock.advance(timedelta(seconds=1))
    assert fan_out() == 1
    assert ListName.WEBHOOK in rung
    assert due() == 1
