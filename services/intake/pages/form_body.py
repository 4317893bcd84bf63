"""What a form sends: its values, read strictly, and its files, written down as they come."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from flask import request
from werkzeug.sansio.multipart import Data, Event, Field, File

from services.intake.api.bodies import read_body
from services.intake.api.http import parts
from services.intake.api.multipart import ReceivedFile, form_events
from services.intake.api.transfers import DRAIN_BYTES, body_pieces
from shared.domain.errors import MalformedRequest, TooLarge

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
#: More parts than any form of ours has, and bytes in the longest field.
MAX_PARTS, MAX_FIELD_BYTES = 100, 512 * 1024
#: The field of files that were sent before and are kept.
KEPT = "kept"


@dataclass(slots=True)
class Form:
    """Values by name, the last of those with the same name; files, and names of refused ones."""

    values: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    files: list[ReceivedFile] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    too_many: bool = False

    def get(self, name: str) -> str:
        """Return a value; empty if it did not come."""
        return self.values.get(name, "")

    def add(self, name: str, value: str) -> None:
        """Take one value."""
        if name == KEPT:
            self.kept.append(value)
        else:
            self.values[name] = value


def read_form(stack: ExitStack) -> Form:
    """Read the form of this request; its files are removed when the stack closes.

    Files that are too large, or too many, are noted and left out, so that nothing that was typed is
    lost. Raises MalformedRequest for what no browser sends: another media type, text that is not
    UTF-8; TooLarge for a body far beyond what may be attached.
    """
    if request.mimetype == MULTIPART:
        return _read_multipart(stack)
    if request.mimetype != URLENCODED:
        message = f"A form is {URLENCODED} or {MULTIPART}."
        raise MalformedRequest(message)
    form = Form()
    try:
        text = read_body().decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARTS)
    except ValueError as error:
        raise _unreadable(error) from error
    for name, value in pairs:
        form.add(name, value)
    return form


def _read_multipart(stack: ExitStack) -> Form:
    files = parts().files
    with files.uploads.taken(), body_pieces(files.timeout_s) as pieces:
        limit = files.receiving.rules.max_total_bytes + DRAIN_BYTES
        return _collect(form_events(_bounded(pieces, limit)), stack)


def _bounded(pieces: Iterator[bytes], limit: int) -> Iterator[bytes]:
    received = 0
    for piece in pieces:
        received += len(piece)
        if received > limit:
            message = f"The form is larger than {limit} bytes."
            raise TooLarge(message)
        yield piece


def _collect(events: Iterator[Event], stack: ExitStack) -> Form:
    form, part, count = Form(), _Part(), 0
    for event in events:
        if isinstance(event, Field | File):
            count += 1
            if count > MAX_PARTS:
                raise _unreadable(f"more than {MAX_PARTS} parts")
            part = _begin(event, form, stack)
        elif isinstance(event, Data):
            part.take(event.data, form)
            if not event.more_data and part.name is not None:
                form.add(part.name, _decoded(part.text))
    return form


@dataclass(slots=True)
class _Part:
    """The part that is being read: a field has a name, a file one that receives it."""

    name: str | None = None
    text: bytes = b""
    file: ReceivedFile | None = None

    def take(self, data: bytes | bytearray, form: Form) -> None:
        """Take the next bytes; those of a file that is refused are dropped."""
        if self.name is not None:
            self.text += data
            if len(self.text) > MAX_FIELD_BYTES:
                raise _unreadable(f"a field of more than {MAX_FIELD_BYTES} bytes")
        elif self.file is not None:
            try:
                self.file.spool.write(data)
            except TooLarge:
                form.files.remove(self.file)
                form.too_large.append(self.file.name)
                self.file = None


def _begin(event: Field | File, form: Form, stack: ExitStack) -> _Part:
    if isinstance(event, Field):
        return _Part(name=event.name)
    if not event.filename:
        # An input of files in which none was chosen.
        return _Part()
    receiving = parts().files.receiving
    if len(form.files) + len(form.too_large) >= receiving.rules.max_count:
        form.too_many = True
        return _Part()
    before = sum(each.spool.size for each in form.files)
    found = ReceivedFile(event.filename, stack.enter_context(receiving.spool(before)))
    form.files.append(found)
    return _Part(file=found)


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise _unreadable(error) from error


def _unreadable(reason: Any) -> MalformedRequest:
    return MalformedRequest(f"The form cannot be read: {reason}.")
