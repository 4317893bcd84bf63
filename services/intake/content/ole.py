"""Compound files ([MS-CFB]): the Office formats of before 2007, mails, installers."""

import struct
from typing import BinaryIO

_HEADER_BYTES = 512
_ENTRY_BYTES = 128
#: Entries of the directory that are read; the telling ones come first.
_ENTRIES = 64

#: Names of streams that tell the type, in the order in which they are looked for.
_STREAMS = {
    "EncryptedPackage": "application/x-encrypted-office",
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "__properties_version1.0": "application/vnd.ms-outlook",
}
ENCRYPTED = _STREAMS["EncryptedPackage"]
UNKNOWN = "application/x-ole-storage"


def detect_ole(file: BinaryIO) -> str:
    """Return the type of a compound file by the names in its directory ([MS-CFB] §2.6)."""
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return UNKNOWN
    shift = struct.unpack_from("<H", header, 30)[0]
    first = struct.unpack_from("<I", header, 48)[0]
    if shift not in (9, 12):
        return UNKNOWN
    # The sectors of a directory follow each other in files that programs write in one go; where
    # they do not, the first one has at least four entries, among them the telling ones.
    file.seek((first + 1) << shift)
    directory = file.read(_ENTRY_BYTES * _ENTRIES)
    names = {_name(directory, at) for at in range(0, len(directory) - 127, _ENTRY_BYTES)}
    return next((found for name, found in _STREAMS.items() if name in names), UNKNOWN)


def _name(directory: bytes, at: int) -> str:
    length: int = struct.unpack_from("<H", directory, at + 64)[0]
    return directory[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", errors="replace")
