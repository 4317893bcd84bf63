"""Where a request comes from, through the proxies that are trusted."""

import ipaddress
from collections.abc import Sequence

from flask import Request

from shared.settings import Network


def address_of(request: Request, trusted: Sequence[Network]) -> str:
    """Return the network address of the visitor.

    Proxies append to X-Forwarded-For, so it is read from its end for as long as those who wrote it
    are trusted; what a stranger put in front of it is never reached.
    """
    address = request.remote_addr or ""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    while hops and _within(address, trusted):
        hop = hops.pop()
        if not hop:
            break
        address = hop
    return address


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)
