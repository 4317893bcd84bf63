"""TLS to the broker, as its URL says; `shared.domain.broker_url` has the options."""

import ssl
from urllib.parse import urlsplit

import pika

from shared.domain.broker_url import BrokerAddress


def tls_of(address: BrokerAddress) -> pika.SSLOptions | None:
    """Return how to speak TLS with a broker; None for one that is spoken to plainly.

    Raises OSError for a file that cannot be read, ssl.SSLError (which is one) for one that is none.
    """
    if not address.secure:
        return None
    options = address.options
    context = ssl.create_default_context(cafile=options.get("cafile"))
    if "certfile" in options:
        context.load_cert_chain(options["certfile"], options.get("keyfile"))
    return pika.SSLOptions(context, options.get("server_name") or urlsplit(address.url).hostname)
