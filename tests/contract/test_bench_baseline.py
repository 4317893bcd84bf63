"""What Patchbay is measured against does its work: it would be fast if it refused."""

import pytest

from shared.db.models import OutboxEntry, Ticket, TicketEvent
from shared.runtime import Runtime
from tests.bench import baseline_http
from tests.desk import ticket_body
from tests.rows import rows


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_the_baseline_stores_a_ticket_and_its_event(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", runtime.settings.database_url)
    app, close = baseline_http.build_with_close()
    assert (
        app.test_client()
        .post("/v1/tickets", json=ticket_body(description="Since noon."))
        .status_code
        == 201
    )
    close()
    assert [len(rows(runtime.database, m)) for m in (Ticket, TicketEvent, OutboxEntry)] == [1, 1, 1]
