"""What a file is, by its content; and which are refused, with the reason."""

import io
import lzma
import struct
import zipfile
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.content import budget, zip_file
from services.intake.content.inspection import ContentPolicy, inspect
from shared.domain.errors import FileRefused, FileTypeRefused
from shared.domain.media_type import MEDIA_TYPES, FileGroup
from tests import files

ALL = ContentPolicy(tuple(FileGroup), allow_encrypted=False)
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."


def numbered(cases: list[tuple[bytes, str]]) -> list[Any]:
    """Name each case by its type and not by its bytes."""
    return [
        pytest.param(data, expected, id=f"{number}-{expected}")
        for number, (data, expected) in enumerate(cases)
    ]


def look(data: bytes, name: str = "x", policy: ContentPolicy = ALL) -> str:
    return inspect(io.BytesIO(data), len(data), name, policy).name


def reason(data: bytes, name: str = "x", policy: ContentPolicy = ALL) -> str:
    with pytest.raises(FileRefused) as refused:
        look(data, name, policy)
    return str(refused.value.extra["reason"])


def detected(data: bytes, name: str = "x") -> str:
    with pytest.raises(FileTypeRefused) as refused:
        look(data, name)
    assert str(refused.value.extra["detected"]) in refused.value.detail
    assert refused.value.extra["allowed"] == sorted(MEDIA_TYPES)
    return str(refused.value.extra["detected"])


@pytest.mark.parametrize(
    ("data", "expected"),
    numbered(
        [
            (files.png(), "image/png"),
            (files.gif(), "image/gif"),
            (b"\xff\xd8\xff\xe0" + bytes(50), "image/jpeg"),
            (b"RIFF\0\0\0\0WEBPVP8 " + bytes(50), "image/webp"),
            (b"BM\x46\0\0\0\0\0\0\0\x36" + bytes(50), "image/bmp"),
            (b"II*\0" + bytes(50), "image/tiff"),
            (files.mp4(b"heic"), "image/heic"),
            (files.mp4(b"avif"), "image/avif"),
            (files.pdf(), "application/pdf"),
            (b"{\\rtf1 hello}", "application/rtf"),
            (files.ole("WordDocument", "1Table"), "application/msword"),
            (files.ole("Workbook"), "application/vnd.ms-excel"),
            (files.ole("Current User", "PowerPoint Document"), "application/vnd.ms-powerpoint"),
            (
                files.ole("__nameid_version1.0", "__properties_version1.0"),
                "application/vnd.ms-outlook",
            ),
            (files.ooxml("word"), f"{_OOXML}wordprocessingml.document"),
            (files.ooxml("xl"), f"{_OOXML}spreadsheetml.sheet"),
            (files.ooxml("ppt"), f"{_OOXML}presentationml.presentation"),
            (files.odf("text"), f"{_ODF}text"),
            (files.odf("spreadsheet"), f"{_ODF}spreadsheet"),
            (files.zipped({"a.log": b"a" * 1000}), "application/zip"),
            (files.zipped({}), "application/zip"),
            (files.gz(), "application/gzip"),
            (files.bzip2(), "application/x-bzip2"),
            (files.xz(), "application/x-xz"),
            (files.tar(), "application/x-tar"),
            (b"7z\xbc\xaf\x27\x1c" + bytes(50), "application/x-7z-compressed"),
            (b"Rar!\x1a\x07\x01\0" + bytes(50), "application/vnd.rar"),
            (b"\x28\xb5\x2f\xfd" + bytes(50), "application/zstd"),
            (files.mp4(), "video/mp4"),
            (files.mp4(b"qt  "), "video/quicktime"),
            (files.mp4(b"3gp5"), "video/3gpp"),
            (files.webm(), "video/webm"),
            (files.webm(b"matroska"), "video/x-matroska"),
            (b"RIFF\0\0\0\0AVI LIST" + bytes(50), "video/x-msvideo"),
            (b"2026-01-31 09:30 error 809\n", "text/plain"),
            ("Ошибка 809 🙂".encode(), "text/plain"),
            ("Ошибка 809".encode("cp1251"), "text/plain"),
            ("Ошибка 809 🙂".encode("utf-16"), "text/plain"),
            (b'{"error": "a < b"}', "text/plain"),
            (b"\x1b[31mred\x1b[0m\n", "text/plain"),
            (b"=cmd|' /C calc'!A0", "text/plain"),
        ]
    ),
)
def test_the_content_says_what_a_file_is(data: bytes, expected: str) -> None:
    assert look(data, "misleading.exe") == expected


def test_the_name_only_tells_one_plain_text_from_another() -> None:
    assert look(b"a;b\n1;2\n", "list.CSV") == "text/csv"
    assert look(b"a;b\n1;2\n", "list.png") == "text/plain"
    assert look(files.png(), "picture.csv") == "image/png"


@pytest.mark.parametrize(
    ("data", "expected"),
    numbered(
        [
            (b"MZ\x90\0" + bytes(100), "application/vnd.microsoft.portable-executable"),
            (b"\x7fELF" + bytes(100), "application/x-elf"),
            (b"#!/bin/sh\nrm -rf /\n", "text/x-shellscript"),
            (b"<!DOCTYPE html><title>x</title>", "text/html"),
            (b"\xef\xbb\xbf  \n<script>alert(1)</script>", "text/html"),
            ("<html>".encode("utf-16"), "text/html"),
            (b'<?xml version="1.0"?><svg onload="alert(1)"/>', "image/svg+xml"),
            (files.ooxml("word", **{"vbaProject.bin": b"x"}), "application/x-office-with-macros"),
            (files.zipped({"META-INF/MANIFEST.MF": b"x"}), "application/java-archive"),
            (
                files.zipped({"AndroidManifest.xml": b"x"}),
                "application/vnd.android.package-archive",
            ),
            (files.ole("Something"), "application/x-ole-storage"),
            (b"L\0\0\0\x01\x14\x02\0" + bytes(100), "application/x-ms-shortcut"),
            (bytes(range(256)), "application/octet-stream"),
            (b"text with a \0 inside", "application/octet-stream"),
            (b"OggS" + bytes(50), "application/ogg"),
        ]
    ),
)
def test_what_is_not_taken_is_named_with_what_is(data: bytes, expected: str) -> None:
    assert detected(data, "harmless.png") == expected


def test_groups_that_are_not_wanted_are_not_taken() -> None:
    images = ContentPolicy((FileGroup.IMAGES,), allow_encrypted=False)
    assert look(files.png(), policy=images) == "image/png"
    with pytest.raises(FileTypeRefused, match=r"application/pdf.*image/png"):
        look(files.pdf(), policy=images)


@pytest.mark.parametrize(
    "data",
    [
        files.gif() + files.zipped({"A.class": b"x"}),
        files.png() + files.zipped({"evil.js": b"x"}),
        files.pdf() + files.zipped({"x": b"x"}),
        b"GIF89a/*<html><script>alert(1)</script>*/" + bytes(50),
        b"%PDF-1.4\n<html><script>alert(1)</script>",
        files.mp4() + files.zipped({"x": b"x"}),
        files.zipped({"first": b"x"}) + files.zipped({"second": b"x"}),
    ],
    ids=["gifar", "png-zip", "pdf-zip", "gif-html", "pdf-html", "mp4-zip", "zip-zip"],
)
def test_two_formats_in_one_are_refused(data: bytes) -> None:
    assert reason(data) == "polyglot"


def test_a_pdf_that_only_mentions_a_zip_is_taken() -> None:
    assert look(files.pdf() + b"PK\x05\x06 is how a ZIP file ends, I read") == "application/pdf"


def test_a_zip_that_unpacks_to_too_much_is_refused() -> None:
    assert reason(files.zipped({"zeros": bytes(30 << 20)})) == "bomb"
    assert look(files.zipped({"zeros": bytes(5 << 20)})) == "application/zip"


def test_a_stream_that_unpacks_to_too_much_is_refused() -> None:
    for packed in (files.gz, files.bzip2, files.xz):
        assert reason(packed(bytes(30 << 20))) == "bomb"


def test_an_archive_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_ENTRIES", 20)
    many = {f"{number}.txt": b"x" for number in range(21)}
    assert reason(files.zipped(many)) == "bomb"
    half = files.zipped({f"{number}.txt": b"x" for number in range(11)})
    assert reason(files.zipped({"a.zip": half, "b.zip": half})) == "bomb"


def test_a_zip_of_zips_of_zeros_is_refused() -> None:
    inner = files.zipped({"zeros": bytes(19 << 20)})
    assert look(inner) == "application/zip"
    outer = files.zipped({f"{number}.zip": inner for number in range(3)}, zipfile.ZIP_STORED)
    assert reason(outer) == "bomb"


def test_archives_may_lie_two_deep_in_each_other_and_no_deeper() -> None:
    data = files.zipped({"a.txt": b"x"})
    for _ in range(2):
        data = files.zipped({"inner.zip": data})
        assert look(data) == "application/zip"
    assert reason(files.zipped({"inner.zip": data})) == "nested"
    assert reason(files.gz(files.gz(files.gz(files.gz(b"x"))))) == "nested"
    assert look(files.zipped({"report.docx": files.ooxml(), "a.log.gz": files.gz()})) == (
        "application/zip"
    )


def test_inner_archives_that_are_too_large_to_check_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "MAX_INSPECTED_BYTES", 1000)
    inner = files.zipped({"a.bin": bytes(5000)}, zipfile.ZIP_STORED)
    assert reason(files.zipped({"a.zip": inner})) == "nested"


def test_a_directory_that_would_fill_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zip_file, "MAX_DIRECTORY_BYTES", 1000)
    assert look(files.zipped({f"{number}": b"" for number in range(10)})) == "application/zip"
    assert reason(files.zipped({f"{number}": b"" for number in range(50)})) == "bomb"


def test_what_takes_much_memory_to_unpack_is_refused() -> None:
    assert look(files.xz() + bytes(70_000) + files.xz()) == "application/x-xz"
    assert reason(b"\xfd7zXZ\0\0\4\xe6\xd6\xb4F" + bytes(40)) == "damaged"
    assert reason(files.xz() + bytes(8) + files.xz(bytes(30 << 20))) == "bomb"
    huge = bytearray(
        lzma.compress(b"x" * 100, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 4096}])
    )
    # The size of the dictionary, one byte of the filter's properties (xz file format §5.3.1).
    place = huge.index(b"\x21\x01") + 2
    huge[place] = 36
    header = bytes(huge[12 : 12 + (huge[12] + 1) * 4 - 4])
    check = struct.pack("<I", zlib.crc32(header))
    huge[12 + len(header) : 12 + len(header) + 4] = check
    assert reason(bytes(huge)) == "damaged"
    assert reason(files.zipped({"a": b"x" * 100}, zipfile.ZIP_LZMA)) == "method"


def test_files_that_share_their_bytes_in_a_zip_are_refused() -> None:
    data = bytearray(files.zipped({"a": b"x" * 50, "b": b"y" * 50}, zipfile.ZIP_STORED))
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 0)
    assert reason(bytes(data)) in ("bomb", "damaged")


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "a/../../b", "C:/x"])
def test_names_that_lead_out_of_an_archive_are_refused(name: str) -> None:
    assert reason(files.zipped({name: b"x"})) == "unsafe-name"


def test_what_is_encrypted_is_refused_unless_it_is_allowed() -> None:
    rar5 = b"Rar!\x1a\x07\x01\x00" + bytes(4) + b"\x21\x04" + bytes(50)
    rar4 = b"Rar!\x1a\x07\x00" + b"\xce\x99\x73\x80\x00" + bytes(50)
    seven = b"7z\xbc\xaf\x27\x1c" + bytes(50) + b"\x24\x06\xf1\x07\x01" + bytes(20)
    office = files.ole("EncryptionInfo", "EncryptedPackage")
    for data in (files.encrypted_zip(), rar5, rar4, seven, office):
        assert reason(data) == "encrypted"
    trusting = ContentPolicy(tuple(FileGroup), allow_encrypted=True)
    assert look(files.encrypted_zip(), policy=trusting) == "application/zip"
    assert look(seven, policy=trusting) == "application/x-7z-compressed"
    assert reason(files.zipped({"inner.zip": files.encrypted_zip()})) == "encrypted"


def test_what_is_empty_or_damaged_is_refused() -> None:
    assert reason(b"") == "empty"
    assert reason(files.zipped({"a": b"x" * 1000})[:-30]) == "damaged"
    assert reason(files.gz(b"x" * 1000)[:-10]) == "damaged"
    assert reason(files.xz(b"x" * 1000)[:-10]) == "damaged"


def mutations() -> st.SearchStrategy[bytes]:
    whole = st.sampled_from(
        [
            files.zipped({"a.txt": b"x" * 100, "b.zip": files.zipped({"c": b"y"})}),
            files.ooxml(), files.odf(), files.gz(), files.bzip2(), files.xz(), files.tar(),
            files.ole("Workbook"), files.encrypted_zip(), files.png(), files.mp4(), files.pdf(),
        ]
    )  # fmt: skip
    changes = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8)

    def change(data: bytes, edits: list[tuple[int, int]], cut: int) -> bytes:
        changed = bytearray(data)
        for place, value in edits:
            changed[place % len(changed)] = value
        return bytes(changed[: max(1, len(changed) - cut)])

    return st.builds(change, whole, changes, st.integers(0, 40))


@given(st.one_of(st.binary(min_size=1, max_size=400), mutations()))
def test_whatever_is_sent_it_is_a_known_type_or_refused(data: bytes) -> None:
    with suppress(FileRefused, FileTypeRefused):
        assert look(data) in MEDIA_TYPES
