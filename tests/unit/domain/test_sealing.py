"""Sealing: what is written opens by its key and for its purpose, and by nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import SecretUnreadable
from shared.domain.sealing import Keyring, is_sealed, key_of, new_key, parse_keyring

OLD, NEW = new_key(), new_key()


@given(st.text())
def test_what_is_sealed_opens_again_and_does_not_show(text: str) -> None:
    ring = parse_keyring(OLD)
    sealed = ring.seal("a.b", text)
    assert ring.open("a.b", sealed) == text
    assert is_sealed(sealed)
    assert len(text) < 6 or text not in sealed


def test_the_newest_key_seals_and_the_older_ones_still_open() -> None:
    before = parse_keyring(OLD).seal("a.b", "x")
    ring = parse_keyring(f"{NEW},{OLD}")
    assert ring.open("a.b", before) == "x"
    assert ring.sealing is not None
    assert key_of(ring.seal("a.b", "x")) == ring.sealing.id == parse_keyring(NEW).sealing_id


def test_the_same_text_is_never_sealed_the_same() -> None:
    ring = parse_keyring(OLD)
    assert ring.seal("a.b", "x") != ring.seal("a.b", "x")


def test_a_text_sealed_by_a_key_that_is_not_here_is_refused_by_the_name_of_the_key() -> None:
    sealed = parse_keyring(OLD).seal("a.b", "x")
    with pytest.raises(SecretUnreadable, match=f"a.b is sealed by the key {key_of(sealed)}, which"):
        parse_keyring(NEW).open("a.b", sealed)
    with pytest.raises(SecretUnreadable, match="PATCHBAY_SECRET_KEYS"):
        Keyring().open("a.b", sealed)


@pytest.mark.parametrize("change", ["other purpose", "a character", "cut off", "no base64"])
def test_what_was_changed_or_moved_is_refused(change: str) -> None:
    ring = parse_keyring(OLD)
    sealed = ring.seal("a.b", "secret")
    last = "A" if sealed[-6] != "A" else "B"
    purpose = "a.c" if change == "other purpose" else "a.b"
    changed = {
        "a character": sealed[:-6] + last + sealed[-5:],
        "cut off": sealed[:30],
        "no base64": sealed[:20] + "é",
    }.get(change, sealed)
    assert ring.open("a.b", sealed) == "secret", "what was opened before opens nothing else"
    with pytest.raises(SecretUnreadable, match="somebody changed it"):
        ring.open(purpose, changed)


def test_without_a_key_texts_stay_as_they_are_and_what_was_never_sealed_is_read() -> None:
    assert Keyring().seal("a.b", "x") == "x"
    assert parse_keyring(OLD).open("a.b", "x") == "x"


def test_plain_in_the_first_place_reads_and_seals_nothing() -> None:
    sealed = parse_keyring(OLD).seal("a.b", "x")
    ring = parse_keyring(f"plain {OLD}")
    assert ring.open("a.b", sealed) == "x"
    assert ring.seal("a.b", "x") == "x"
    assert ring.plain


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("short", "key 1 is not the base64 of 32 bytes"),
        (f"{OLD},{OLD[:-4]}", "key 2 is not"),
        ("A" * 43 + "=", "can be guessed"),
        (f"{OLD}\n{OLD}", "twice"),
        (f"{OLD},plain", "first place or nowhere"),
    ],
    # Not by the keys, which are others in each process.
    ids=["short", "cut off", "guessed", "twice", "plain last"],
)
def test_keys_that_are_none_are_refused_and_not_shown(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        parse_keyring(text)
    assert text[:5] not in str(refusal.value)


def test_a_key_does_not_show_itself() -> None:
    key = parse_keyring(OLD).sealing
    assert key is not None
    assert repr(key) == f"SealingKey({key.id})"
