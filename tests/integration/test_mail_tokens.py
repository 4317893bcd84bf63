"""Tokens in mail addresses and ids: what they carry, and that nobody else can make them."""

from datetime import timedelta

import pytest

from shared.db.engine import Database
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import ManualClock, SystemClock
from shared.domain.errors import BadToken
from shared.domain.ids import Prefix, new_id
from shared.mail_tokens import (
    BOUNCE_TOKEN_CHARS,
    MAC_BYTES,
    MAX_MAILBOX_NAME,
    REPLY_TOKEN_CHARS,
    MailTokens,
    plus_address,
    token_in,
)
from tests.api_keys import TESTER
from tests.factories import NOW

TICKET, DELIVERY = new_id(Prefix.TICKET), new_id(Prefix.DELIVERY)


@pytest.fixture
def tokens(database: Database) -> MailTokens:
    return MailTokens(SigningKeys(database, SystemClock()))


def test_an_answer_finds_its_ticket_and_whose_mail_it_answers(tokens: MailTokens) -> None:
    address = plus_address("help@desk.example", tokens.reply(TICKET, "Mira@example.com"))
    token = token_in(address.upper())
    assert token is not None
    found = tokens.read_reply(token)
    assert found.ticket_id == TICKET
    assert found.was_for("mira@EXAMPLE.com")
    assert not found.was_for("eve@example.com")


def test_a_bounce_finds_its_delivery(tokens: MailTokens) -> None:
    assert tokens.read_bounce(tokens.bounce(DELIVERY)) == DELIVERY
    message_id = tokens.message_id(TICKET, DELIVERY, "desk.example")
    assert tokens.read_message_id(message_id) == (TICKET, DELIVERY)


def test_addresses_fit_and_macs_are_long_enough(tokens: MailTokens) -> None:
    assert len(tokens.reply(TICKET, "mira@example.com")) == REPLY_TOKEN_CHARS
    assert len(tokens.bounce(DELIVERY)) == BOUNCE_TOKEN_CHARS
    assert MAX_MAILBOX_NAME + 1 + REPLY_TOKEN_CHARS == 64
    assert MAC_BYTES * 8 >= 64


def test_nothing_that_was_changed_or_made_for_something_else_is_read(tokens: MailTokens) -> None:
    reply, bounce = tokens.reply(TICKET, "mira@example.com"), tokens.bounce(DELIVERY)
    message_id = tokens.message_id(TICKET, DELIVERY, "desk.example")
    for place in range(0, len(reply), 7):
        other = "a" if reply[place] != "a" else "b"
        with pytest.raises(BadToken):
            tokens.read_reply(reply[:place] + other + reply[place + 1 :])
    for bad in ("", "a", "é" * 48, bounce, reply[:-1], reply + "a", "1" * 48, "=" * 48):
        with pytest.raises(BadToken):
            tokens.read_reply(bad)
    for bad in (reply, bounce[:-1], ""):
        with pytest.raises(BadToken):
            tokens.read_bounce(bad)
    for bad in ("", "<x@desk.example>", message_id.replace(TICKET[4:8], "ffff")):
        with pytest.raises(BadToken):
            tokens.read_message_id(bad)


def test_tokens_outlive_a_rotation_for_its_overlap(database: Database) -> None:
    clock = ManualClock(NOW)
    signing = SigningKeys(database, clock)
    tokens = MailTokens(signing)
    before = tokens.bounce(DELIVERY)
    signing.rotate(timedelta(hours=1), TESTER)
    assert tokens.bounce(DELIVERY) != before
    assert tokens.read_bounce(before) == DELIVERY
    clock.advance(timedelta(hours=2))
    signing.rotate(timedelta(0), TESTER)
    with pytest.raises(BadToken):
        tokens.read_bounce(before)


def test_what_is_signed_as_of_a_moment_is_always_the_same(database: Database) -> None:
    signing = SigningKeys(database, SystemClock())
    at = SystemClock().now() - timedelta(days=1)
    token = signing.sign("test", [TICKET], at)
    assert token == signing.sign("test", [TICKET], at)
    assert signing.read("test", token) == [TICKET]
    with pytest.raises(BadToken):
        signing.read("test", token, timedelta(hours=23))
