"""What a digest told counts as told once the digest is delivered, and shares its fate otherwise."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.db.models import Delivery, DeliveryAttempt
from shared.db.models.base import table
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import SystemClock
from shared.domain.work import WorkState
from shared.mail_tokens import MailTokens
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.fixtures.relays import Relay
from tests.mail_reports import bounce
from tests.rows import rows
from tests.waiting import eventually

IVAN = "ivan@desk.example"
SUBJECTS = ("No sound", "No picture", "No light")

Start = Callable[..., tuple[Runtime, WorkerHost]]


@pytest.fixture
def start(
    relay: Relay,
    clock: ShiftedClock,
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> Start:
    """Starts a notifier that mails to the relay; `changed` are settings."""

    def run(**changed: Any) -> tuple[Runtime, WorkerHost]:
        wanted = {"email_url": relay.url, "email_from": "Support <support@desk.example>", **changed}
        runtime = new_runtime(replace(settings, **wanted), clock)
        return runtime, start_host(runtime, ["notifier"])

    return run


def ivans(runtime: Runtime) -> list[dict[str, Any]]:
    return rows(runtime.database, Delivery, table(Delivery).c.receiver == IVAN)


def hold(desk: Desk, runtime: Runtime) -> str:
    """Hold three mails to Ivan for his next digest; return his id."""
    agent = desk.agent(email=IVAN)
    desk.ok("PUT", f"/v1/agents/{agent}/mail-preferences", {"digest": "hourly"})
    for subject in SUBJECTS:
        give(desk, agent, subject)
    settle(runtime, len(SUBJECTS))
    return agent


def settle(runtime: Runtime, count: int) -> None:
    """Wait until so many mails to Ivan are held, and what goes to others is sent."""
    others = table(Delivery).c.receiver != IVAN
    eventually(lambda: len(waiting(runtime)) == count)
    eventually(
        lambda: all(
            row["work_state"] is not WorkState.READY
            for row in rows(runtime.database, Delivery, others)
        )
    )


def give(desk: Desk, agent: str, subject: str) -> None:
    ticket = desk.ticket(subject=subject)
    by = {"agent_id": agent, "guard": False}
    desk.ok("PUT", f"/v1/tickets/{ticket['id']}/assignment", by)


def waiting(runtime: Runtime) -> list[dict[str, Any]]:
    return [row for row in ivans(runtime) if row["last_error"] == "waits for the receiver's digest"]


def ended(runtime: Runtime, *states: WorkState) -> list[dict[str, Any]]:
    """Wait until what Ivan was to be told is in these states, in its order; return it."""

    def look() -> list[dict[str, Any]] | None:
        found = sorted(ivans(runtime), key=lambda row: row["id"])
        return found if tuple(row["work_state"] for row in found) == states else None

    return eventually(look)


def outcomes(runtime: Runtime, delivery: dict[str, Any]) -> list[str]:
    mine = table(DeliveryAttempt).c.delivery_id == delivery["id"]
    found = rows(runtime.database, DeliveryAttempt, mine)
    return [row["outcome"] for row in sorted(found, key=lambda row: row["id"])]


def digests(relay: Relay) -> list[str]:
    """The texts of the digests that the relay has got."""
    found = [mail for mail in relay.mails if mail["Subject"].startswith("What happened")]
    return [mail.get_body(("plain",)).get_content() for mail in found]  # type: ignore[union-attr]


def test_while_a_digest_is_tried_again_its_news_wait_and_a_bounce_of_it_is_theirs(
    relay: Relay, start: Start, desk: Desk, clock: ShiftedClock
) -> None:
    runtime, _ = start()
    hold(desk, runtime)
    relay.answers = ["451 try later"]
    clock.advance(hours=1)
    [first] = eventually(
        lambda: [row for row in ivans(runtime) if str(row["last_error"]).startswith("451")]
    )
    clock.advance(minutes=4)
    found = ended(runtime, WorkState.DONE, WorkState.CANCELLED, WorkState.CANCELLED)
    assert [row["last_error"] for row in found[1:]] == [f"told in the digest {first['id']}"] * 2
    assert [outcomes(runtime, row)[-1] for row in found] == ["Delivered", "NotWanted", "NotWanted"]
    assert len(digests(relay)) == 2
    assert digests(relay)[0] == digests(relay)[1]
    tokens = MailTokens(SigningKeys(runtime.database, SystemClock()))
    own = tokens.message_id(first["ticket_id"], first["id"], "desk.example")
    content = bounce(message_id=own)
    headers = {"Content-Type": "message/rfc822"}
    assert desk.call("POST", "/v1/mail/bounces", headers=headers, data=content).status_code == 200
    found = ended(runtime, WorkState.BOUNCED, WorkState.BOUNCED, WorkState.BOUNCED)
    assert f"its digest {first['id']} bounced" in found[1]["last_error"]
    shown = desk.ok("GET", f"/v1/deliveries/{first['id']}")
    assert (shown["state"], shown["tries"][-1]["outcome"]) == ("bounced", "bounced")


def test_what_a_refused_digest_told_has_failed_and_what_may_be_lost_is_unknown(
    relay: Relay, start: Start, desk: Desk, clock: ShiftedClock
) -> None:
    runtime, _ = start()
    agent = hold(desk, runtime)
    relay.answers = ["554 5.7.1 not liked"]
    clock.advance(hours=1)
    refused = ended(runtime, *[WorkState.DEAD] * 3)
    assert (
        f"the digest {refused[0]['id']} that told of it was refused: 554"
        in (refused[1]["last_error"])
    )
    for subject in SUBJECTS:
        give(desk, agent, subject)
    settle(runtime, len(SUBJECTS))
    relay.answers = ["hang up"]
    clock.advance(hours=1)
    lost = ended(runtime, *[WorkState.DEAD] * 3, *[WorkState.UNKNOWN] * 3)[3:]
    assert "whose fate is unknown" in lost[2]["last_error"]
    assert [outcomes(runtime, row) for row in lost] == [["Unknown"]] * 3
    # One of them is sent again: with the next digest, and no longer as a part of the lost one.
    desk.ok("POST", f"/v1/deliveries/{lost[2]['id']}/replay", {})
    eventually(lambda: len(waiting(runtime)) == 1)
    clock.advance(hours=1)
    ended(
        runtime,
        *[WorkState.DEAD] * 3,
        *[WorkState.UNKNOWN] * 2,
        WorkState.DONE,
    )


def test_news_of_a_digest_that_could_not_be_made_come_with_the_next_one(
    relay: Relay, start: Start, desk: Desk, clock: ShiftedClock, tmp_path: Path
) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "digest.j2").write_text("{% extends layout %}{{ nonsense }")
    runtime, host = start(email_templates_dir=tmp_path)
    hold(desk, runtime)
    clock.advance(hours=1)
    broken = table(DeliveryAttempt).c.outcome == "PermanentFailure"
    eventually(lambda: rows(runtime.database, DeliveryAttempt, broken))
    settle(runtime, len(SUBJECTS))
    host.stop(5)
    runtime, _ = start()
    clock.advance(hours=1)
    found = ended(runtime, WorkState.DONE, WorkState.CANCELLED, WorkState.CANCELLED)
    assert outcomes(runtime, found[0]) == ["PermanentFailure", "Delivered"]
    [text] = digests(relay)
    assert all(subject in text for subject in SUBJECTS)
