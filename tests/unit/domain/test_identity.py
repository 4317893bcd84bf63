"""Addresses in the one form in which they are compared; language tags."""

import pytest

from shared.domain.identity import (
    Identity,
    IdentityKind,
    e164,
    identities_of,
    normal_email,
    normal_phone,
)
from shared.domain.language_tag import is_language_tag


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("mira@example.com", "mira@example.com"),
        (" Mira.Petrova@Example.COM ", "mira.petrova@example.com"),
        ("mira+desk@example.com", "mira+desk@example.com"),
        ("i@пример.example", "i@xn--e1afmkfd.example"),
        ("i@ПРИМЕР.example", "i@xn--e1afmkfd.example"),
        ("i@xn--e1afmkfd.example", "i@xn--e1afmkfd.example"),
        ("ИРА@example.com", "ира@example.com"),
        ('"a@b"@example.com', '"a@b"@example.com'),
        (f"i@{'a' * 70}.example", f"i@{'a' * 70}.example"),
    ],
)
def test_an_email_address_has_one_normal_form(given: str, normal: str) -> None:
    assert normal_email(given) == normal
    assert normal_email(normal) == normal


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("+44 20 7946 0000", "+442079460000"),
        ("+44 (0)20 7946-0000", "+442079460000"),
        ("tel:+44-20-7946-0000", "+442079460000"),
        ("+7 (495) 123-45-67", "+74951234567"),
        ("+44 20 7946 0000 ext. 12", "+442079460000;ext=12"),
        ("\u202a+44 20 7946 0000\u202c", "+442079460000"),
        ("020 7946 0000", None),
        ("4711", None),
        ("withheld", None),
        ("+", None),
        ("+1", None),
        ("+999 123456789", None),
        ("+" + "1" * 31, None),
    ],
)
def test_a_number_has_one_normal_form_or_identifies_nobody(given: str, normal: str | None) -> None:
    assert normal_phone(given) == normal
    assert e164(given) == (normal and normal.partition(";")[0])


def test_identities_come_the_strongest_first_and_only_where_there_are_any() -> None:
    person = {"phone": "+442079460000", "email": "M@example.com", "external_id": "Crm-1"}
    assert identities_of(person) == (
        Identity(IdentityKind.EXTERNAL_ID, "Crm-1"),
        Identity(IdentityKind.EMAIL, "m@example.com"),
        Identity(IdentityKind.PHONE, "+442079460000"),
    )
    assert identities_of({"name": "Mira", "email": None, "phone": "4711"}) == ()


@pytest.mark.parametrize(
    "tag",
    ["en", "pt-BR", "zh-Hant-TW", "de-1996", "es-419", "sl-rozaj-biske", "en-u-hc-h12", "x-klar"],
)
def test_well_formed_language_tags_are_taken(tag: str) -> None:
    assert is_language_tag(tag)
    assert is_language_tag(tag.upper())


@pytest.mark.parametrize(
    "text", ["", "e", "pt_BR", "en-", "-en", "english please", "en-x", "en\n", "ру", "123456789"]
)
def test_other_texts_are_no_language_tags(text: str) -> None:
    assert not is_language_tag(text)
