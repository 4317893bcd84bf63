"""What went wrong when no complete HTTP answer came.

In words that the endpoint's owner may read, and in those of the exceptions, which hold resolved
addresses and are for the operator alone.
"""

import errno
import os

import aiohttp

from services.notifier.channels.guarded_dial import DestinationRefused
from shared.domain.address_guard import ForbiddenAddress


def before_any_answer(fault: Exception) -> bool:
    """Say whether the connection broke without a single byte of an answer, as far as is known."""
    # aiohttp puts the half-read answer in place of the text when one had begun.
    return not isinstance(fault, aiohttp.ServerDisconnectedError) or isinstance(fault.message, str)


def refusal_behind(fault: BaseException | None) -> ForbiddenAddress | None:
    """Find the guard's refusal among the causes of a client error."""
    while fault is not None:
        if isinstance(fault, DestinationRefused):
            return fault.refusal
        fault = fault.__cause__
    return None


def out_of_files(fault: OSError | aiohttp.ClientError) -> bool:
    """Say whether it is this process or machine that can open no connection: none of theirs."""
    return isinstance(fault, OSError) and fault.errno in (errno.EMFILE, errno.ENFILE)


def explain(fault: BaseException) -> str:
    """Give the operator's reason: what the libraries said, each cause once."""
    texts: list[str] = []
    cause: BaseException | None = fault
    while cause is not None:
        text = f"{type(cause).__name__}: {cause}"
        if text not in texts:
            texts.append(text)
        cause = cause.__cause__
    return "; ".join(texts)


def describe(fault: Exception) -> str:
    """Give the public reason for a client error."""
    if isinstance(fault, aiohttp.ClientConnectorDNSError):
        return "the host name cannot be resolved"
    if isinstance(fault, aiohttp.ClientConnectorCertificateError):
        message = getattr(fault.certificate_error, "verify_message", "")
        return f"the TLS certificate is not valid: {message}"
    if isinstance(fault, aiohttp.ClientSSLError):
        return "the TLS handshake failed"
    if isinstance(fault, aiohttp.ServerDisconnectedError):
        return "the connection was closed before an answer"
    if isinstance(fault, OSError) and fault.errno:
        return f"connection failed: {os.strerror(fault.errno).lower()}"
    if isinstance(fault, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)):
        return "not a valid HTTP answer"
    return f"connection failed ({type(fault).__name__})"
