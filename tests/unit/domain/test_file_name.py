"""Names that strangers give their files: fit to be shown and saved under, whatever they send."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.file_name import MAX_NAME_BYTES, clean_name, with_suffix


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("report.pdf", "report.pdf"),
        ("Отчёт за март.xlsx", "Отчёт за март.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("C:\\Users\\mira\\Desktop\\log.txt", "log.txt"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        ("   ", "file"),
        ("a\x00b.txt", "ab.txt"),
        ("line\r\nSet-Cookie: x=1.txt", "lineSet-Cookie_ x=1.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\u2066zero\u200bwidth\u2069.png", "zerowidth.png"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("Lpt1.tar.gz", "_Lpt1.tar.gz"),
        ("aux .txt", "_aux .txt"),
        ("console.txt", "console.txt"),
        ('a<b>:"c|d?*.txt', "a_b___c_d__.txt"),
        (".htaccess", "htaccess"),
        ("name. . .", "name"),
        ("half \ud83d surrogate.txt", "half surrogate.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
    ],
)
def test_a_name_is_cleaned(given_name: str, cleaned: str) -> None:
    assert clean_name(given_name) == cleaned


def test_a_long_name_loses_its_middle_and_keeps_its_ending() -> None:
    for letter in ("x", "ж", "🙂"):
        name = clean_name(letter * 500 + ".png")
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert name.startswith(letter * 40)
        assert name.endswith(".png")
    assert len(clean_name("a." + "b" * 500).encode()) <= MAX_NAME_BYTES


@given(st.text(max_size=400))
def test_whatever_comes_the_name_is_safe_and_stays_so(text: str) -> None:
    name = clean_name(text)
    assert 1 <= len(name.encode()) <= MAX_NAME_BYTES
    assert not set(name) & set('/\\<>:"|?*')
    assert not any(unicodedata.category(c).startswith("C") for c in name)
    assert name.strip(" .") == name
    assert clean_name(name) == name


@given(st.text(string.ascii_letters + ".", min_size=1, max_size=30))
def test_a_name_ends_as_its_type_does(text: str) -> None:
    name = with_suffix(clean_name(text), (".txt", ".log"))
    assert name.lower().endswith((".txt", ".log"))


def test_a_program_by_name_is_saved_as_the_text_that_it_is() -> None:
    assert with_suffix("invoice.bat", (".txt",)) == "invoice.bat.txt"
    assert with_suffix("photo.JPG", (".jpg", ".jpeg")) == "photo.JPG"
    assert with_suffix("photo.png", (".pdf",)) == "photo.png.pdf"
