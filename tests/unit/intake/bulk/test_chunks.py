"""Lines come out of pieces as they went in, however the pieces fall."""

import gzip
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.bulk.chunks import Chunk, chunks
from services.intake.bulk.unpacking import pieces
from shared.domain.bulk import CHUNK_BYTES, CHUNK_LINES, BulkLimits
from shared.domain.errors import MalformedRequest, TooLarge

LIMITS = BulkLimits(max_line_bytes=20)


def reader(data: bytes, size: int = 7) -> Callable[[int], bytes]:
    """Read in pieces of `size` bytes, whatever is asked for."""
    rest = data

    def read(_: int) -> bytes:
        nonlocal rest
        piece, rest = rest[:size], rest[size:]
        return piece

    return read


def lines_of(found: Iterator[Chunk]) -> list[bytes]:
    return [line for chunk in found for line in chunk.lines]


@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    size=st.integers(1, 40),
    ended=st.booleans(),
    packed=st.booleans(),
)
def test_lines_are_whole_however_the_pieces_fall(
    *, lines: list[bytes], size: int, ended: bool, packed: bool
) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    sent = gzip.compress(data) if packed else data
    found = lines_of(chunks(pieces(reader(sent, size), 10_000, gzip=packed), 2, LIMITS))
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert found == [line[:21] for line in expected]


def test_chunks_are_numbered_and_end_at_the_same_lines_each_time() -> None:
    body = b"x\n" * (2 * CHUNK_LINES + 3)
    for size in (5, 1000):
        found = list(chunks(pieces(reader(body, size), 10_000, gzip=False), 11, LIMITS))
        assert [(each.first_line, len(each.lines)) for each in found] == [
            (11, CHUNK_LINES),
            (11 + CHUNK_LINES, CHUNK_LINES),
            (11 + 2 * CHUNK_LINES, 3),
        ]
        assert found[0].digest == found[1].digest != found[2].digest


def test_chunks_of_long_lines_end_sooner() -> None:
    limits = BulkLimits(max_line_bytes=1024**2)
    line = b"x" * 1024**2 + b"\n"
    found = list(chunks([line] * 9, 1, limits))
    assert [len(each.lines) for each in found] == [CHUNK_BYTES // 1024**2] * 2 + [1]


def test_more_lines_than_allowed_are_refused() -> None:
    with pytest.raises(TooLarge, match="more than 3 lines"):
        list(chunks([b"1\n2\n3\n4\n"], 1, BulkLimits(max_lines=3)))


@pytest.mark.parametrize("packed", [False, True])
def test_more_bytes_than_allowed_are_refused(*, packed: bool) -> None:
    data = b"x" * 1001
    sent = gzip.compress(data) if packed else data
    with pytest.raises(TooLarge, match="larger than 1000 bytes"):
        list(pieces(reader(sent), 1000, gzip=packed))


def test_a_packed_body_of_several_members_is_one_body() -> None:
    sent = gzip.compress(b"one\n") + gzip.compress(b"two\n")
    assert b"".join(pieces(reader(sent), 100, gzip=True)) == b"one\ntwo\n"


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_packed_body_that_breaks_off_is_refused(cut: int) -> None:
    sent = gzip.compress(bytes(range(256)) * 4)[:-cut]
    with pytest.raises(MalformedRequest):
        list(pieces(reader(sent), 10_000, gzip=True))


def test_an_empty_packed_body_is_empty() -> None:
    assert list(pieces(reader(b""), 100, gzip=True)) == []
    assert list(pieces(reader(gzip.compress(b"")), 100, gzip=True)) == []


def test_memory_does_not_grow_with_the_body() -> None:
    def endless(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield b'{"subject": "x"}\n' * 1000

    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in chunks(endless(count), 1, BulkLimits(max_lines=10**9)):
            pass
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    assert peak(200) < 1.2 * peak(20)
