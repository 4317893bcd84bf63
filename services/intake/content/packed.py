"""Archives other than ZIP: streams that hold one file, and formats that we cannot look into.

Of 7z and RAR only so much is read as tells whether even the names are encrypted; what is in them
stays unknown. Nothing here unpacks them, and a virus scanner looks into them itself.
"""

import bz2
import gzip
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from services.intake.content.budget import MAX_DEPTH, MAX_INSPECTED_BYTES, Budget
from services.intake.content.refusals import Reason, refused
from services.intake.content.zip_file import Look

_PIECE = 64 * 1024
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00")

_IN_MEMORY = 1024 * 1024
#: What unpacking xz may take, in bytes; the file says how much it wants, up to 4 GiB. `xz -9` wants
#: 65 MiB.
_XZ_MEMORY_BYTES = 96 * 1024**2

#: The coder AES-256 + SHA-256 in the headers of 7z (7zFormat.txt, Methods.txt: 06F10701).
_AES_OF_7Z = b"\x06\xf1\x07\x01"
_TAIL_OF_7Z = 64 * 1024


def inspect_stream(file: BinaryIO, name: str, look: Look, budget: Budget, depth: int) -> None:
    """Unpack a compressed stream, counting and keeping nothing; raises FileRefused for a bomb.

    An archive inside of it, but for a tar, is looked at too.
    """
    file.seek(0)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as inner:
        _unpack(_PIECES[name](file), cast("BinaryIO", inner), budget)
        if not inner.tell():
            return
        if depth + 1 > MAX_DEPTH:
            message = f"Archives lie more than {MAX_DEPTH} deep in each other."
            raise refused(Reason.NESTED, message)
        inner.seek(0)
        look(cast("BinaryIO", inner), depth + 1, budget)


def _unpack(pieces: Iterator[bytes], inner: BinaryIO, budget: Budget) -> None:
    """Count what comes out, and keep it in `inner` if it is an archive."""
    unpacked = 0
    try:
        for piece in pieces:
            unpacked += len(piece)
            budget.add_unpacked(len(piece))
            if inner.tell() or (unpacked == len(piece) and piece.startswith(_ARCHIVES)):
                budget.add_inspected(len(piece))
                inner.write(piece)
            elif unpacked > MAX_INSPECTED_BYTES:
                break
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        message = f"The archive is damaged: {error}."
        raise refused(Reason.DAMAGED, message) from error


def _gzip_pieces(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file, mode="rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _bzip2_pieces(file: BinaryIO) -> Iterator[bytes]:
    with bz2.BZ2File(file) as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _xz_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Unpack every stream of an xz file, within a bound on memory that LZMAFile does not have."""
    decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
    while True:
        data = b""
        if decoder.eof:
            data = decoder.unused_data
            # Streams may have zeros between them (xz file format §2.2).
            while not (data := data.lstrip(b"\0")):
                if not (data := file.read(_PIECE)):
                    return
            decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)
        elif decoder.needs_input and not (data := file.read(_PIECE)):
            message = "it ends too early"
            raise EOFError(message)
        if piece := decoder.decompress(data, _PIECE):
            yield piece


_PIECES: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {
    "application/gzip": _gzip_pieces,
    "application/x-bzip2": _bzip2_pieces,
    "application/x-xz": _xz_pieces,
}


def has_encrypted_names(file: BinaryIO, name: str, size: int) -> bool:
    """Tell whether a 7z or RAR says in clear that it is encrypted."""
    file.seek(0)
    head = file.read(64)
    if name == "application/x-7z-compressed":
        file.seek(max(0, size - _TAIL_OF_7Z))
        return _AES_OF_7Z in file.read(_TAIL_OF_7Z)
    if head.startswith(b"Rar!\x1a\x07\x01"):
        # RAR 5: signature (8), CRC (4), header size (1 to 3), then the type; 4 is encryption.
        return head[13:14] == b"\x04"
    # RAR 4: signature (7), CRC (2), type 0x73, then flags; 0x0080 says the headers are encrypted.
    return head[9:10] == b"\x73" and bool(head[10:11] and head[10] & 0x80)
