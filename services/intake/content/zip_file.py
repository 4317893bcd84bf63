"""ZIP files (PKWARE APPNOTE 6.3): what kind they are, and that they hold what they say.

Many formats are ZIP inside: Office since 2007 (ECMA-376), OpenDocument (ISO/IEC 26300), programs
for Java and Android. An archive is looked into as deep as its budget goes, because a small one
inside a small one can unpack to petabytes.
"""

import io
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import BinaryIO, cast

from services.intake.content.budget import MAX_DEPTH, MAX_DIRECTORY_BYTES, Budget
from services.intake.content.refusals import Reason, refused

#: Tells a file in an archive what it is; raises if it would do harm.
Look = Callable[[BinaryIO, int, Budget], object]

_PIECE = 64 * 1024
_IN_MEMORY = 1024 * 1024
_ENCRYPTED = 0x1
_LOCAL_HEADER_BYTES = 30
_END_BYTES, _LOCATOR64_BYTES, _END64_BYTES = 22, 20, 56
_TAIL_BYTES = 65_535 + _END_BYTES + _LOCATOR64_BYTES + _END64_BYTES
#: Methods that unpack within little memory. LZMA wants what its file says, up to 4 GiB.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
#: First bytes of archives that are looked into.
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00")

_MACROS = ("vbaproject.bin", "vbadata.xml")
_OOXML = "application/vnd.openxmlformats-officedocument."
_OFFICE = {
    "word/": f"{_OOXML}wordprocessingml.document",
    "xl/": f"{_OOXML}spreadsheetml.sheet",
    "ppt/": f"{_OOXML}presentationml.presentation",
}
_PROGRAMS = {
    "AndroidManifest.xml": "application/vnd.android.package-archive",
    "META-INF/MANIFEST.MF": "application/java-archive",
    "AppxManifest.xml": "application/appx",
}
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, NotImplementedError,
    EOFError, OSError, ValueError, UnicodeDecodeError, RuntimeError,
)  # fmt: skip


def inspect_zip(
    file: BinaryIO, look: Look, budget: Budget, depth: int, *, allow_encrypted: bool
) -> str:
    """Return the type of a ZIP file; raises FileRefused for one that would do harm."""
    try:
        _require_small_directory(file)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _require_one_after_another(entries)
            for entry in entries:
                _check_entry(entry, budget, allow_encrypted=allow_encrypted)
            found = _type_of(archive, {entry.filename for entry in entries})
            for entry in entries:
                if not entry.flag_bits & _ENCRYPTED and not entry.is_dir():
                    _look_into(archive, entry, look, budget, depth)
    except _BROKEN as error:
        message = f"The ZIP file is damaged: {error}."
        raise refused(Reason.DAMAGED, message) from error
    return found


def _require_small_directory(file: BinaryIO) -> None:
    """Refuse a directory that would fill the memory before its entries could be counted.

    Reads the end record (APPNOTE §4.3.16) and that of ZIP64 (§4.3.14) where zipfile does.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at == -1 or len(tail) - at < _END_BYTES:
        return
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    large = at - _LOCATOR64_BYTES - _END64_BYTES
    if large >= 0 and tail.startswith(b"PK\x06\x06", large):
        directory = int.from_bytes(tail[large + 40 : large + 48], "little")
    if directory > MAX_DIRECTORY_BYTES:
        message = f"The archive's directory is larger than {MAX_DIRECTORY_BYTES} bytes."
        raise refused(Reason.BOMB, message)


def _require_one_after_another(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse what has another file in front, and is either one to different programs.

    Refuse as well files that share their bytes.
    """
    if entries and min(entry.header_offset for entry in entries) != 0:
        message = "Something else stands in front of the ZIP file."
        raise refused(Reason.POLYGLOT, message)
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    for entry, following in pairwise(ordered):
        end = entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size
        if end > following.header_offset:
            # Many names for one content: a bomb without nesting (Fifield, “A better zip bomb”).
            message = "Files in the archive overlap."
            raise refused(Reason.BOMB, message)


def _check_entry(entry: zipfile.ZipInfo, budget: Budget, *, allow_encrypted: bool) -> None:
    budget.add_entry(entry.file_size)
    if entry.compress_type not in _METHODS and not entry.flag_bits & _ENCRYPTED:
        message = "The archive is packed by a method that cannot be checked; use plain ZIP."
        raise refused(Reason.METHOD, message)
    if entry.flag_bits & _ENCRYPTED and not allow_encrypted:
        message = "The archive is encrypted and cannot be checked; send it without a password."
        raise refused(Reason.ENCRYPTED, message)
    parts = entry.filename.replace("\\", "/").split("/")
    if entry.filename.startswith("/") or ".." in parts or ":" in parts[0]:
        message = "A name in the archive leads out of the folder that it is unpacked to."
        raise refused(Reason.UNSAFE_NAME, message)


def _type_of(archive: zipfile.ZipFile, names: set[str]) -> str:
    for name, found in _PROGRAMS.items():
        if name in names:
            return found
    if "[Content_Types].xml" in names:
        for prefix, found in _OFFICE.items():
            if any(name.startswith(prefix) for name in names):
                macros = any(name.lower().endswith(_MACROS) for name in names)
                return "application/x-office-with-macros" if macros else found
    if "mimetype" in names:
        with archive.open("mimetype") as stream:
            said = stream.read(100).decode("ascii", errors="replace").strip()
        if said.startswith(("application/vnd.oasis.opendocument.", "application/epub")):
            return said
    return "application/zip"


def _look_into(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, look: Look, budget: Budget, depth: int
) -> None:
    """Unpack an archive inside the archive and look at it in the same way."""
    with archive.open(entry) as stream:
        head = stream.read(8)
        if not head.startswith(_ARCHIVES):
            return
        if depth + 1 > MAX_DEPTH:
            message = f"Archives lie more than {MAX_DEPTH} deep in each other."
            raise refused(Reason.NESTED, message)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as inner:
            while head:
                budget.add_inspected(len(head))
                inner.write(head)
                head = stream.read(_PIECE)
            inner.seek(0)
            look(cast("BinaryIO", inner), depth + 1, budget)
