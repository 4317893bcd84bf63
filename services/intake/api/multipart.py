"""Files out of a multipart/form-data body (RFC 7578), each written as it comes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from shared.domain.errors import FieldError, InvalidInput, MalformedRequest, TooLarge
from shared.storage.spool import Spool

#: A part's headers and what lies between two of them, in bytes; a piece of content besides.
MAX_BUFFER_BYTES = 512 * 1024


#: RFC 2046 §5.1.1 allows 70; some clients take a little more.
MAX_BOUNDARY_CHARS = 200


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """One part: its name as the client gave it, and the content."""

    name: str
    spool: Spool


def receive_files(
    pieces: Iterator[bytes], open_spool: Callable[[int], Spool], max_files: int, stack: ExitStack
) -> list[ReceivedFile]:
    """Read all files of the body; they are removed when the stack closes.

    `open_spool` is told how many bytes the files before have. Raises MalformedRequest for what is
    no form, InvalidInput for a form that holds anything else or no file at all, and TooLarge for
    too many files or bytes.
    """
    received: list[ReceivedFile] = []
    for event in form_events(pieces):
        if isinstance(event, File):
            if len(received) == max_files:
                message = f"At most {max_files} files can be attached at once."
                raise TooLarge(message, max_count=max_files)
            spool = stack.enter_context(open_spool(sum(r.spool.size for r in received)))
            received.append(ReceivedFile(event.filename or "", spool))
        elif isinstance(event, Field):
            detail = "Only files are taken here; each part needs a filename."
            raise InvalidInput(
                "The form is not acceptable.", [FieldError(f"/{event.name}", detail)]
            )
        elif isinstance(event, Data):
            received[-1].spool.write(event.data)
    if not received:
        detail = "Add at least one file."
        raise InvalidInput("The form holds no file.", [FieldError("", detail)])
    return received


def form_events(pieces: Iterator[bytes]) -> Iterator[Event]:
    """Return fields, files and their data as they come; raises MalformedRequest."""
    boundary = request.mimetype_params.get("boundary", "")
    if not 1 <= len(boundary) <= MAX_BOUNDARY_CHARS or not boundary.isascii():
        message = "The Content-Type has no usable boundary."
        raise MalformedRequest(message)
    decoder = MultipartDecoder(boundary.encode(), MAX_BUFFER_BYTES)
    try:
        for piece in chain(pieces, (None,)):
            decoder.receive_data(piece)
            while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
                yield event
    except (ValueError, RequestEntityTooLarge) as error:
        message = f"The body is not multipart/form-data: {error}."
        raise MalformedRequest(message) from error
