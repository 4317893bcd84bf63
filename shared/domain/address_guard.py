"""Which network destinations Patchbay may send webhooks to.

A subscriber chooses the URL and Patchbay sends from inside the operator's network: without a guard
a webhook is a way to reach databases, cloud metadata and admin ports (server-side request
forgery). One look at the URL is not enough, because a name can resolve to anything and to
something else a second later. So the same guard is asked three times: about the URL when it is
stored, about each resolved address, and about the address that is dialled.

`ipaddress.is_global` is not used: what it says differs between Python versions, and it lets
translated forms pass that carry a private IPv4 address (NAT64, 6to4, SIIT, ISATAP). The tables
follow the IANA special-purpose address registries (RFC 6890) and are complete on their own.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_ALLOWED = "destination not allowed"
MAX_URL_LENGTH = 2048
#: Ports open for every destination; the operator's own networks are reached on any port.
COMMON_PORTS = frozenset({80, 443, 8080, 8443})

_FORBIDDEN_V4 = tuple(
    (IPv4Network(network), meaning)
    for network, meaning in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_FORBIDDEN_V6 = tuple(
    (IPv6Network(network), meaning)
    for network, meaning in (
        ("2001::/23", "protocol assignments, Teredo"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")

#: Where clouds hand out credentials: closed even when an allowed network contains them.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # AWS, container credentials
        "169.254.170.23",  # AWS, pod identity
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure; lies in public address space
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS, pod identity
        "fd20:ce::254",  # Google Cloud
    )
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
_LOCALHOST_NAMES = frozenset(
    {"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"}
)

_INVISIBLE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST_NAME = re.compile(r"[\w-]+(\.[\w-]+)*", re.UNICODE)
# The last label decides whether a host is a number (WHATWG URL, "ends in a number checker").
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0[xX][0-9a-fA-F]*)", re.UNICODE)


class ForbiddenAddress(ValueError):
    """A destination is refused.

    `str(error)` and `public_reason` may be shown to whoever chose the URL: they say nothing about
    how our network looks. `reason` says exactly what was wrong and is for the operator's log.
    """

    def __init__(self, reason: str, public_reason: str = NOT_ALLOWED) -> None:
        super().__init__(public_reason)
        self.reason = reason
        self.public_reason = public_reason


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that passed: what will be dialled. `address` is set when the host is a literal."""

    scheme: str
    host: str
    port: int
    address: Address | None


class AddressGuard:
    """Vets destinations; `allowed_networks` are the operator's exceptions, none by default.

    `allow_http` opens plain http for every destination; destinations inside the allowed networks
    may use it anyway.
    """

    def __init__(
        self, allowed_networks: Sequence[Network] = (), *, allow_http: bool = False
    ) -> None:
        self._allowed = tuple(allowed_networks)
        self._allow_http = allow_http

    def vet(self, address: str) -> None:
        """Accept one resolved IP address, in any textual form, or raise ForbiddenAddress."""
        self._vet_address(_parse(address))

    def vet_dial(self, address: str, port: int, *, plain_http: bool) -> None:
        """Accept the address and port about to be dialled, or raise ForbiddenAddress.

        The last gate before a packet leaves: it knows the address itself, so the rules about
        ports and http that depend on the allowed networks are decided here for host names.
        """
        parsed = _parse(address)
        if self._vet_address(parsed):
            return
        if port not in COMMON_PORTS:
            raise ForbiddenAddress(f"{parsed}: port {port} outside the allowed networks")
        if plain_http and not self._allow_http:
            raise ForbiddenAddress(f"{parsed}: plain http outside the allowed networks")

    def vet_url(self, url: str) -> Destination:
        """Accept a URL by what can be seen without a name server, or raise ForbiddenAddress.

        A host name is not resolved here. When the operator allowed networks, a name may turn out
        to lie in one of them, so its port and plain http are left for `vet_dial` to judge.
        """
        destination = _destination(url)
        host, address = destination.host, destination.address
        if host in _METADATA_NAMES:
            raise ForbiddenAddress(f"{host} is a metadata service")
        if address is None and (host in _LOCALHOST_NAMES or host.endswith(".localhost")):
            # RFC 6761 section 6.3: these names always mean this machine.
            self.vet("127.0.0.1")
        if address is not None:
            plain_http = destination.scheme == "http"
            self.vet_dial(str(address), destination.port, plain_http=plain_http)
        elif not self._allowed:
            if destination.port not in COMMON_PORTS:
                raise _malformed(f"port {destination.port} is not one of {sorted(COMMON_PORTS)}")
            if destination.scheme == "http" and not self._allow_http:
                raise _malformed("a webhook url must use https")
        return destination

    def _vet_address(self, address: Address) -> bool:
        """Say whether `address` is in an allowed network; raise if it is forbidden."""
        if address in _METADATA:
            raise ForbiddenAddress(f"{address} is a metadata service")
        allowed = any(address in network for network in self._allowed)
        if isinstance(address, IPv6Address) and address in _NAT64:
            # The gateway forwards to the embedded address, so that one has to pass as well.
            embedded_allowed = self._vet_address(IPv4Address(int(address) & 0xFFFF_FFFF))
            if not allowed:
                raise ForbiddenAddress(f"{address} is translated (NAT64)")
            return embedded_allowed
        if allowed:
            return True
        if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
            raise ForbiddenAddress(f"{address} is not global unicast (2000::/3)")
        table = _FORBIDDEN_V4 if isinstance(address, IPv4Address) else _FORBIDDEN_V6
        for network, meaning in table:
            if address in network:
                raise ForbiddenAddress(f"{address} is {meaning} ({network})")
        return False


def _parse(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise ForbiddenAddress(f"{text!r} is not an IP address") from None
    if isinstance(address, IPv4Address):
        return address
    # Rebuilt from the number: a zone (`%eth0`) would make it unequal to the same address.
    return address.ipv4_mapped or IPv6Address(int(address))


def _destination(url: str) -> Destination:
    """Take a URL apart; what reads differently in two parsers is refused, not repaired."""
    if len(url) > MAX_URL_LENGTH:
        raise _malformed(f"a webhook url has at most {MAX_URL_LENGTH} characters")
    if _INVISIBLE.search(url):
        raise _malformed("a webhook url has no spaces, control characters or backslashes")
    if "#" in url:
        raise _malformed("a webhook url has no fragment")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _malformed("the webhook url cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise _malformed("a webhook url must use https")
    if "@" in parts.netloc:
        raise _malformed("a webhook url has no user name or password")
    if port == 0:
        raise _malformed("port 0 cannot be reached")
    host, address = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    return Destination(
        parts.scheme, host, port or (443 if parts.scheme == "https" else 80), address
    )


def _host(raw: str, *, bracketed: bool) -> tuple[str, Address | None]:
    if bracketed:
        try:
            literal = IPv6Address(raw)
        except AddressValueError:
            raise _malformed("the host in brackets is not an IPv6 address") from None
        if literal.scope_id is not None:
            raise _malformed("a webhook url has no IPv6 zone")
        return raw, _parse(raw)
    # A resolver folds full-width letters, digits and dots like this (UTS 46).
    host = unicodedata.normalize("NFKC", raw).replace("\u3002", ".").removesuffix(".").lower()
    if not _HOST_NAME.fullmatch(host):
        raise _malformed("the webhook url has no valid host")
    if not _ENDS_IN_NUMBER.fullmatch(host):
        return host, None
    try:
        return host, IPv4Address(host)
    except AddressValueError:
        # `127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`: an address to some, a name to others.
        raise ForbiddenAddress(f"{host} is an IPv4 address in an unusual form") from None


def _malformed(reason: str) -> ForbiddenAddress:
    """A fault that the URL itself shows: telling it to everybody gives nothing away."""
    return ForbiddenAddress(reason, public_reason=reason)
