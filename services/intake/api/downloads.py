"""Answers that hand out a file that a stranger sent: as a download, in parts, and to no script.

Whatever the file is, a browser must not run it in our name: it is saved and not shown, but for a
few kinds of images; its type is ours and is not guessed (nosniff); and were it shown after all, it
would be in a sandbox without an origin.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import is_resource_modified, parse_range_header

from shared.domain.errors import RangeRefused
from shared.domain.media_type import MEDIA_TYPES
from shared.storage.base import Storage

_SAFE = "!#$&+-.^_`|~"


def content_disposition(name: str, *, inline: bool) -> str:
    """Return the header (RFC 6266) with a plain name for the old and the true one (RFC 8187)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_. ") else "_" for c in name)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_SAFE)}"


def file_headers(attachment: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a file whatever part of it is asked for."""
    media_type = str(attachment["media_type"])
    known = MEDIA_TYPES.get(media_type)
    return {
        "Content-Type": media_type if known else "application/octet-stream",
        "Content-Disposition": content_disposition(
            attachment["name"], inline=known is not None and known.inline
        ),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
        "ETag": f'"{attachment["sha256"]}"',
    }


def send_file(
    storage: Storage, attachment: Mapping[str, Any], take_slot: Callable[[], Callable[[], None]]
) -> Response:
    """Return the file, the part that `Range` asks for, or 304 (RFC 9110 §13, §14).

    Raises RangeRefused, Unavailable, and ObjectMissing.
    """
    headers = file_headers(attachment)
    etag = str(attachment["sha256"])
    if not is_resource_modified(request.environ, etag=etag, ignore_if_range=True):
        return Response(status=304, headers=headers)
    size = int(attachment["size"])
    part = _asked_range(size, etag)
    start, stop = part or (0, size)
    headers["Content-Length"] = str(stop - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status=status, headers=headers)
    give_back = take_slot()
    try:
        chunks = storage.read(str(attachment["storage_key"]), start, stop)
    except BaseException:
        give_back()
        raise
    response = Response(chunks, status, headers=headers)
    # Called by the server when the answer is out or the client is gone, begun or not.
    response.call_on_close(give_back)
    return response


def _asked_range(size: int, etag: str) -> tuple[int, int] | None:
    """Return start and end of the one range that is asked for, or None for the whole file.

    Of several ranges none is sent, which §14.2 allows. `If-Range` with another tag means the whole.
    """
    given = request.headers.get("Range")
    condition = request.headers.get("If-Range")
    if given is None or (condition is not None and condition.strip() != f'"{etag}"'):
        return None
    asked = parse_range_header(given)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    start, stop = asked.ranges[0]
    # A negative start counts from the end, and may reach beyond the beginning (§14.1.2).
    start = max(0, size + start) if start < 0 else start
    stop = size if stop is None else min(stop, size)
    if start >= stop:
        message = f"The file has {size} bytes, and no such part."
        raise RangeRefused(message, size=size)
    return start, stop
