"""The mails of a ticket are one thread to a mail reader that is not ours, whatever relays did."""

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy

from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.desk import Desk
from tests.fixtures.mail_readers import Threads
from tests.fixtures.relays import Relay
from tests.waiting import eventually

ANSWER = """\
From: Mira <mira@example.com>
To: support@desk.example
Subject: Re: {subject}
Message-ID: <answer@example.com>
In-Reply-To: {answered}
References: {references} {answered}

It is version 4.2.1.
"""


def test_a_mail_reader_finds_one_thread_for_each_ticket_even_if_a_relay_gives_ids_of_its_own(
    relay: Relay,
    settings: Settings,
    desk: Desk,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
    threads_of: Threads,
) -> None:
    wanted = {"email_url": relay.url, "email_from": "Support <support@desk.example>"}
    start_host(new_runtime(replace(settings, **wanted)), ["notifier"])
    tickets = [desk.ticket(subject="The same words")["id"] for _ in range(2)]
    for words in ("Which version is it?", "Try again now.", "Is it well?"):
        for each in tickets:
            desk.ok("POST", f"/v1/tickets/{each}/comments", {"body": words})
    eventually(lambda: len(relay.envelopes) == 8)
    raw = [bytes(envelope.original_content or b"") for envelope in relay.envelopes]
    first, second = ([mail for mail in raw if each.encode() in _id(mail)] for each in tickets)
    assert (len(first), len(second)) == (4, 4)

    # Of the first ticket, the receipt is lost, a relay renames a mail, and its reader answers that.
    renamed = first[2].replace(b"Message-ID: <" + _id(first[2]), b"Message-ID: <0100@relay.example")
    assert _id(renamed) == b"0100@relay.example"
    head = message_from_bytes(renamed, policy=policy.default)
    answer = ANSWER.format(
        subject=head["Subject"], answered=head["Message-ID"], references=head["References"]
    )
    mine = [first[1], renamed, first[3], answer.encode()]
    expected = [sorted(_id(mail).decode() for mail in mails) for mails in (mine, second)]
    assert sorted(map(sorted, threads_of([*mine, *second]))) == sorted(expected)


def _id(mail: bytes) -> bytes:
    return mail.partition(b"Message-ID: <")[2].partition(b">")[0]
