"""One POST to a receiver, with one deadline from the first byte to the last."""

import http.client
import socket
from contextlib import closing
from time import monotonic
from urllib.parse import urlsplit

from services.cli.webhooks.checks import Answer, Message

#: How much of an answer is read, as of real deliveries.
MAX_ANSWER_BYTES = 64 * 1024


def post(url: str, message: Message, timeout_s: float) -> Answer:
    """Send a message; every fault is an answer without a status."""
    started = monotonic()
    try:
        status = _status(url, message, started + timeout_s)
        fault = ""
    except TimeoutError:
        status, fault = None, f"no complete answer within {timeout_s:g} s"
    except (OSError, http.client.HTTPException) as error:
        status, fault = None, f"no answer: {type(error).__name__}: {error}"
    return Answer(status, int((monotonic() - started) * 1000), fault)


def _status(url: str, message: Message, deadline: float) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/json", "User-Agent": "Patchbay-probe"}
    connection = kind(parts.hostname or "", parts.port, timeout=_left(deadline))
    with closing(connection):
        connection.request("POST", path, message.body, {**headers, **message.headers})
        read = 0
        answer = connection.getresponse()
        while read < MAX_ANSWER_BYTES:
            if isinstance(connection.sock, socket.socket):
                connection.sock.settimeout(_left(deadline))
            piece = answer.read1(4096)
            if not piece:
                break
            read += len(piece)
        return answer.status


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
