"""What Patchbay is measured against does its work: it would be fast if it refused."""

import pytest

from shared.db.models import OutboxEntry, Ticket, TicketEvent
from shared.runtime import Runtime
from tests.bench import baseline_http
from tests.bench.load import build_request
from tests.rows import rows


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_the_baseline_stores_a_ticket_and_its_event(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", runtime.settings.database_url)
    request = build_request("http://127.0.0.1/v1/tickets", "", "VPN drops", {})
    body = request.partition(b"\r\n\r\n")[2]
    app, close = baseline_http.build_with_close()
    with app.test_client() as client:
        answer = client.post("/v1/tickets", data=body, content_type="application/json")
    close()
    assert answer.status_code == 201
    assert [len(rows(runtime.database, m)) for m in (Ticket, TicketEvent, OutboxEntry)] == [1, 1, 1]
