"""Settings that are right one by one and wrong together, or dangerous."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs, urlsplit

from services.cli.doctor.finding import Finding, error, note, ok, warning
from services.cli.doctor.secrets import DEFAULTS
from shared.observability import tracing
from shared.settings import Settings, SettingsError

_LINK_LOCAL = ip_network("169.254.0.0/16")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def wrong_settings(found: SettingsError) -> Iterator[Finding]:
    """Yield what makes every process refuse to start."""
    for line in str(found).splitlines():
        yield error(line, "no process starts with it", "mend the variable; .env.example lists all")


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what is dangerous about settings that are each taken."""
    found = [
        *_reach(settings),
        *_webhooks(settings),
        *_modes(settings),
        *_encryption(settings),
        *_limits(settings),
        *_spans(settings),
    ]
    yield from found
    if not found:
        yield ok("the settings go together")


def is_local(host: str | None) -> bool:
    """Tell whether a host is this machine, as far as the name says."""
    if host is None or host in _LOCAL_NAMES:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _reach(settings: Settings) -> Iterator[Finding]:
    if not settings.public_url and not is_local(settings.host):
        yield warning(
            "PATCHBAY_PUBLIC_URL is not set, and the API is open to other machines",
            "links in mails and pages lead to localhost",
            "set it to where people reach the desk, as https://help.example.com",
        )
    url = urlsplit(settings.public_url)
    if url.scheme == "http" and not is_local(url.hostname):
        yield warning(
            "PATCHBAY_PUBLIC_URL is http://",
            "links to tickets are as good as passwords, and everybody on the way reads them",
            "put a proxy with a certificate in front, and write https://",
        )
    if any(network.prefixlen == 0 for network in settings.trusted_proxies):
        yield error(
            "PATCHBAY_TRUSTED_PROXIES trusts every address",
            "whoever sends X-Forwarded-For chooses an address, and limits hold nobody",
            "name the addresses of your proxies",
        )


def _webhooks(settings: Settings) -> Iterator[Finding]:
    for network in settings.webhook_allowed_networks:
        if network.prefixlen == 0 or network.overlaps(_LINK_LOCAL):
            yield error(
                f"PATCHBAY_WEBHOOK_ALLOWED_NETWORKS allows {network}",
                "whoever may make a subscription reaches the cloud's metadata service and your "
                "network from inside",
                "name only the networks where receivers are",
            )
    if settings.webhook_allow_http:
        yield warning(
            "PATCHBAY_WEBHOOK_ALLOW_HTTP is on",
            "what webhooks carry, customers' words among it, goes unencrypted",
            "turn it off outside of tests",
        )
    if settings.shutdown_timeout_s < settings.webhook_timeout_s:
        yield note(
            "PATCHBAY_SHUTDOWN_TIMEOUT_S is shorter than PATCHBAY_WEBHOOK_TIMEOUT_S",
            "webhooks under way at a stop may be cut off, and are sent again",
            "make it longer than the timeout of a webhook",
        )


def _modes(settings: Settings) -> Iterator[Finding]:
    distributed = settings.broker_url.startswith("amqp")
    if settings.database_url.startswith("postgresql") and not distributed:
        yield note(
            "PostgreSQL with the broker memory://",
            "everything has to run in the one process of `patchbay serve`",
            "set PATCHBAY_BROKER_URL to amqp://… to run services of their own",
        )
    if distributed and settings.storage_url.startswith("file:"):
        yield note(
            "attachments are kept in a folder",
            "every intake and notifier needs the same folder, on every machine",
            "mount it everywhere, or set PATCHBAY_STORAGE_URL to s3://…",
        )
    for name in ("database_url", "broker_url"):
        url = urlsplit(getattr(settings, name))
        if url.password in DEFAULTS and not is_local(url.hostname):
            yield warning(
                f"the password in PATCHBAY_{name.upper()} is one that everybody knows",
                "whoever reaches the server is in",
                "choose another, long one",
            )
    broker = urlsplit(settings.broker_url)
    if broker.scheme == "amqp" and broker.username == "guest" and not is_local(broker.hostname):
        yield warning(
            "the broker's user is guest, on another machine",
            "RabbitMQ lets guest in from its own machine only",
            "make a user, and name it in PATCHBAY_BROKER_URL",
        )


def _encryption(settings: Settings) -> Iterator[Finding]:
    database, broker = urlsplit(settings.database_url), urlsplit(settings.broker_url)
    verified = parse_qs(database.query).get("sslmode", [""])[-1].startswith("verify-")
    if not (verified or database.scheme.startswith("sqlite") or is_local(database.hostname)):
        yield note(
            "the database's certificate is not verified",
            "whoever stands between reads and changes everything; without TLS also the network",
            "add ?sslmode=verify-full&sslrootcert=… to PATCHBAY_DATABASE_URL",
        )
    if broker.scheme == "amqp" and not is_local(broker.hostname):
        yield note(
            "the broker is spoken to without TLS, on another machine",
            "its password goes over the network as it is",
            "write amqps:// in PATCHBAY_BROKER_URL, with ?cafile=… for an authority of your own",
        )


def _limits(settings: Settings) -> Iterator[Finding]:
    if settings.support_ip_limit_per_hour == settings.support_email_limit_per_hour == 0:
        yield warning(
            "the support form has no limits",
            "anybody can make any number of tickets, each with a mail to whom they like",
            "set PATCHBAY_SUPPORT_IP_LIMIT_PER_HOUR or PATCHBAY_SUPPORT_EMAIL_LIMIT_PER_HOUR",
        )
    if settings.attachment_max_bytes > settings.attachment_max_total_bytes:
        yield note(
            "PATCHBAY_ATTACHMENT_MAX_BYTES is above PATCHBAY_ATTACHMENT_MAX_TOTAL_BYTES",
            "the total holds first: no file can be as large as allowed",
            "raise the total, or lower the other",
        )
    if settings.delivery_retention_s == 0:
        yield note(
            "PATCHBAY_DELIVERY_RETENTION_S is 0",
            "deliveries and their attempts are kept without end and fill the disk",
            "set how long you want to look back, as 7776000 for 90 days",
        )


def _spans(settings: Settings) -> Iterator[Finding]:
    try:
        tracing.require(settings.tracing)
    except SettingsError as refused:
        yield error(
            str(refused),
            "no service starts with it",
            "mend it, or set PATCHBAY_TRACING to off",
        )
