"""Decides on a file that has arrived: what it is, and whether it is taken."""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO

from services.intake.content import ole
from services.intake.content.budget import Budget
from services.intake.content.packed import has_encrypted_names, inspect_stream
from services.intake.content.refusals import Reason, refused
from services.intake.content.signature import HEAD_BYTES, OLE, ZIP, detect_signature
from services.intake.content.text import detect_text, has_markup
from services.intake.content.zip_file import inspect_zip
from shared.domain.errors import FileTypeRefused
from shared.domain.media_type import MEDIA_TYPES, FileGroup, MediaType, allowed_names

UNKNOWN = "application/octet-stream"

_STREAMS = ("application/gzip", "application/x-bzip2", "application/x-xz")
_CLOSED = ("application/x-7z-compressed", "application/vnd.rar")
#: The end record of a ZIP file and the longest comment behind it (APPNOTE §4.3.16).
_END_RECORD, _END_BYTES, _TAIL_BYTES = b"PK\x05\x06", 22, 22 + 65_535
_TAR_OFFSET = 0x8001 + 8


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """Which groups of types are taken, and whether encrypted archives are."""

    groups: Collection[FileGroup]
    allow_encrypted: bool


def inspect(file: BinaryIO, size: int, name: str, policy: ContentPolicy) -> MediaType:
    """Return the type of a file by its content; `name` only tells one plain text from another.

    Raises FileTypeRefused for a type that is not taken, and FileRefused for a file that is not what
    it seems, cannot be checked or would do harm.
    """
    if size == 0:
        raise refused(Reason.EMPTY, "The file is empty.")
    detected = _detect(file, name, policy, 0, Budget(size))
    found = MEDIA_TYPES.get(detected)
    if found is None or found.group not in policy.groups:
        allowed = allowed_names(policy.groups)
        message = (
            f"The content is {detected}, which is not taken. Put it into a ZIP file, or attach a "
            f"link to it. Taken are: {', '.join(allowed)}."
        )
        raise FileTypeRefused(message, detected=detected, allowed=allowed)
    if found.group is not FileGroup.ARCHIVES:
        _require_one_format(file, size, found)
    return found


def _detect(file: BinaryIO, name: str, policy: ContentPolicy, depth: int, budget: Budget) -> str:
    file.seek(0)
    head = file.read(max(HEAD_BYTES, _TAR_OFFSET))
    found = detect_signature(head) or detect_text(head, name) or UNKNOWN

    def look(inner: BinaryIO, inner_depth: int, inner_budget: Budget) -> str:
        return _detect(inner, name, policy, inner_depth, inner_budget)

    allow = policy.allow_encrypted
    if found == ZIP:
        return inspect_zip(file, look, budget, depth, allow_encrypted=allow)
    if found in _STREAMS:
        inspect_stream(file, found, look, budget, depth)
    if found == OLE:
        found = ole.detect_ole(file)
    encrypted = found == ole.ENCRYPTED or (
        found in _CLOSED and has_encrypted_names(file, found, budget.size)
    )
    if encrypted and not allow:
        message = "The file is encrypted and cannot be checked; send it without a password."
        raise refused(Reason.ENCRYPTED, message)
    return found


def _require_one_format(file: BinaryIO, size: int, found: MediaType) -> None:
    """Refuse a file that is valid in another format as well, such as GIF + JAR, or PDF + HTML."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if detect_signature(head) == ZIP:
        # Office and OpenDocument files are ZIP files, and were looked at as such.
        return
    if found.group is not FileGroup.TEXT and has_markup(head):
        message = f"The file is {found.name} and a page (HTML) at the same time."
        raise refused(Reason.POLYGLOT, message)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    at = tail.rfind(_END_RECORD)
    while at != -1 and len(tail) - at >= _END_BYTES:
        comment = struct.unpack_from("<H", tail, at + 20)[0]
        if at + _END_BYTES + comment == len(tail):
            message = f"The file is {found.name} and a ZIP file at the same time."
            raise refused(Reason.POLYGLOT, message)
        at = tail.rfind(_END_RECORD, 0, at)
