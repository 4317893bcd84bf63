"""Ids that hang mails together, read back by an independent parser, and within what relays take."""

from email import policy
from email.parser import BytesHeaderParser

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.mail.threading import (
    MAX_EARLIER,
    MAX_REFERENCES_CHARS,
    id_headers,
    references,
    ticket_reference,
)

ROOT = ticket_reference("tkt_1", "desk.example")


def parsed(own: str, found: list[str]) -> tuple[str, str | None, list[str]]:
    head = (id_headers(own, found) + "\r\n").encode("ascii")
    message = BytesHeaderParser(policy=policy.default).parsebytes(head)
    return message["Message-ID"], message["In-Reply-To"], message["References"].split()


def test_a_first_mail_answers_the_ticket_and_names_itself() -> None:
    own = "<own@desk.example>"
    assert parsed(own, references(ROOT, [], own)) == (own, ROOT, [ROOT, own])


def test_a_later_mail_answers_the_one_before_it() -> None:
    own, earlier = "<own@desk.example>", ["<a@desk.example>", "<b@desk.example>"]
    assert parsed(own, references(ROOT, earlier, own)) == (own, earlier[-1], [ROOT, *earlier, own])


@given(
    count=st.integers(0, 30),
    length=st.integers(10, 300),
)
def test_references_stay_short_and_keep_the_first_the_last_and_their_order(
    count: int, length: int
) -> None:
    earlier = [f"<{number}{'x' * length}@desk.example>" for number in range(count)]
    own = "<own@desk.example>"
    found = references(ROOT, earlier, own)
    assert (found[0], found[-1]) == (ROOT, own)
    assert len(" ".join(found)) <= MAX_REFERENCES_CHARS
    kept = found[1:-1]
    assert len(kept) <= MAX_EARLIER
    assert kept == earlier[count - len(kept) :]
    assert all(len(line) < 998 for line in id_headers(own, found).split("\r\n"))
