"""What a broker's URL says of TLS, taken apart. No I/O.

    amqps://user:password@mq.example/%2F?cafile=/etc/ssl/mq-ca.pem&certfile=…&keyfile=…

`cafile` has the authorities that vouch for the broker, in place of the system's; `certfile` and
`keyfile` show who we are (mutual TLS); `server_name` is the name in the broker's certificate where
the host of the URL is another. Certificate and name are always verified: there is no way to turn
that off, because a connection that anybody may answer is as good as none.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

SECURE = "amqps"
#: Options that name a file.
FILES = ("cafile", "certfile", "keyfile")
OPTIONS = (*FILES, "server_name")


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A URL without its options of TLS, and those."""

    url: str
    secure: bool
    options: dict[str, str]


def parse_broker_url(url: str) -> BrokerAddress:
    """Take the options of TLS out of a URL; raises ValueError for those that make no sense."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    options = {name: value for name, value in query if name in OPTIONS}
    rest = urlencode([(name, value) for name, value in query if name not in OPTIONS])
    secure = parts.scheme == SECURE
    if options and not secure:
        raise ValueError(f"{', '.join(options)}: write {SECURE}://, for it says how TLS is spoken")
    if "keyfile" in options and "certfile" not in options:
        raise ValueError("keyfile needs certfile, the certificate that the key is of")
    return BrokerAddress(urlunsplit(parts._replace(query=rest)), secure, options)
