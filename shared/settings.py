"""The only reader of the environment: every setting, its type, unit, default and meaning.

All variables begin with `PATCHBAY_`. They are checked together at start, so that one look at the
error mends everything; a variable nobody knows is an error as well, because a misspelt setting
that is silently ignored costs more than one that is refused. `.env.example` lists them all.
"""

import difflib
import ipaddress
import os
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environs
from marshmallow import ValidationError, validate

from shared import failpoints
from shared.domain.broker_url import FILES, parse_broker_url
from shared.domain.bulk import BulkLimits
from shared.domain.lifecycle import ChildrenRule, LifeRules
from shared.domain.media_type import FileGroup
from shared.domain.sealing import parse_keyring
from shared.domain.smtp_url import parse_smtp_url
from shared.domain.support_field import SupportField
from shared.schemas.upload import MAX_UPLOADS

PREFIX = "PATCHBAY_"

#: Read by commands that call the API of a desk elsewhere; no settings of this one.
CLIENT_VARIABLES = ("PATCHBAY_API_URL", "PATCHBAY_API_KEY")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """One or more settings are wrong; the text has one line for each."""


class LogFormat(StrEnum):
    """How log lines look; `auto` is console in a terminal and JSON elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class QueueType(StrEnum):
    """What kind of RabbitMQ queue carries the doorbells; `quorum` is for clusters."""

    CLASSIC = "classic"
    QUORUM = "quorum"


class Tracing(StrEnum):
    """Whether spans of OpenTelemetry are made, and by what protocol they leave."""

    OFF = "off"
    OTLP = "otlp"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. Times end in `_s` (seconds), sizes in `_bytes`."""

    database_url: str
    database_pool_size: int
    secret_keys: str
    secret_keys_file: Path | None
    broker_url: str
    queue_type: QueueType
    queue_prefix: str
    data_dir: Path
    host: str
    port: int
    http_threads: int
    max_body_bytes: int
    stream_limit: int
    stream_max_s: float
    body_timeout_s: float
    send_timeout_s: float
    read_limit_per_minute: int
    write_limit_per_minute: int
    bulk_limit_per_minute: int
    worker_threads: int
    batch_size: int
    watch_interval_s: float
    shutdown_timeout_s: float
    email_url: str
    email_from: str
    email_concurrency: int
    email_reply_to: str
    email_bounce_to: str
    email_alerts_to: tuple[str, ...]
    email_templates_dir: Path | None
    email_brand_color: str
    email_brand_logo_url: str
    email_brand_footer: str
    email_ticket_url: str
    email_locale: str
    email_time_zone: str
    email_attach_max_bytes: int
    email_domain_rate_per_s: float
    email_dkim_key: Path | None
    email_dkim_selector: str
    webhook_allowed_networks: tuple[Network, ...]
    webhook_allow_http: bool
    webhook_timeout_s: float
    webhook_concurrency: int
    webhook_endpoint_concurrency: int
    delivery_retention_s: int
    storage_url: str
    storage_s3_endpoint: str
    storage_s3_region: str
    storage_s3_access_key_id: str
    storage_s3_secret_access_key: str
    attachment_max_bytes: int
    attachment_max_count: int
    attachment_max_total_bytes: int
    attachment_types: tuple[FileGroup, ...]
    attachment_allow_encrypted: bool
    upload_ttl_s: int
    upload_timeout_s: float
    transfer_concurrency: int
    clamd_url: str
    clamd_timeout_s: float
    idempotency_ttl_s: int
    bulk_max_lines: int
    bulk_max_bytes: int
    bulk_answered_lines: int
    bulk_ttl_s: int
    audit_retention_s: int
    auto_close_after_s: int
    reopen_window_s: int
    rating_window_s: int
    close_children: ChildrenRule
    close_on_confirmation: bool
    public_url: str
    trusted_proxies: tuple[Network, ...]
    embed_origins: tuple[str, ...]
    pages_dir: Path | None
    support_fields: frozenset[SupportField]
    support_min_fill_s: float
    support_ip_limit_per_hour: int
    support_email_limit_per_hour: int
    log_format: LogFormat
    log_level: str
    tracing: Tracing
    failpoints: str
    failpoints_log: str


def load_settings() -> Settings:
    """Read and check the process environment.

    Raises SettingsError that names every wrong or unknown variable.
    """
    env = environs.Env(eager=False, prefix=PREFIX)
    values = _read(env)
    problems = _unknown(os.environ)
    try:
        env.seal()
    except environs.EnvValidationError as error:
        found: dict[str, Any] = dict(error.error_messages)  # type: ignore[arg-type]
        problems += [f"{name}: {' '.join(_flatten(messages))}" for name, messages in found.items()]
    if problems:
        raise SettingsError("\n".join(problems))
    for name in ("webhook_allowed_networks", "trusted_proxies"):
        values[name] = tuple(ipaddress.ip_network(text.strip()) for text in values[name])
    values["embed_origins"] = tuple(text.strip() for text in values["embed_origins"])
    for name in ("secret_keys_file", "pages_dir", "email_templates_dir", "email_dkim_key"):
        values[name] = Path(values[name]) if values[name] else None
    values["email_alerts_to"] = tuple(text.strip() for text in values["email_alerts_to"])
    values["support_fields"] = frozenset(SupportField(n.strip()) for n in values["support_fields"])
    values["attachment_types"] = tuple(FileGroup(n.strip()) for n in values["attachment_types"])
    settings = Settings(**values)
    _cross_check(settings)
    return settings


def life_rules(settings: Settings) -> LifeRules:
    """Return what is set about the life of tickets."""
    after_s = settings.auto_close_after_s
    return LifeRules(
        auto_close_after=timedelta(seconds=after_s) if after_s else None,
        reopen_window=timedelta(seconds=settings.reopen_window_s),
        rating_window=timedelta(seconds=settings.rating_window_s),
        children=settings.close_children,
        close_on_confirmation=settings.close_on_confirmation,
    )


def public_url(settings: Settings) -> str:
    """Return where strangers reach intake, without a final slash; this machine unless it is set."""
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return settings.public_url.rstrip("/") or f"http://{shown}:{settings.port}"


def bulk_limits(settings: Settings) -> BulkLimits:
    """Return what is set about bulk bodies; a line may be as large as the body of one ticket."""
    return BulkLimits(
        max_lines=settings.bulk_max_lines,
        max_bytes=settings.bulk_max_bytes,
        max_line_bytes=settings.max_body_bytes,
        answered_lines=settings.bulk_answered_lines,
        kept=timedelta(seconds=settings.bulk_ttl_s),
    )


def stream_limit(settings: Settings) -> int:
    """Return how many event streams a process has room for: never all its threads."""
    return min(settings.stream_limit, settings.http_threads // 2)


def drain_s(settings: Settings) -> float:
    """Return how long a stopping process waits for its clients: half its time, the rest is ours."""
    return settings.shutdown_timeout_s / 2


def variable_names() -> list[str]:
    """Return the name of every variable, in the order of the settings."""
    return [PREFIX + field.name.upper() for field in fields(Settings)]


def _read(env: environs.Env) -> dict[str, Any]:
    at_least_one = validate.Range(min=1)
    not_negative = validate.Range(min=0)
    positive = validate.Range(min=0, min_inclusive=False)
    return {
        "database_url": env.str(
            "DATABASE_URL",
            "sqlite:///var/patchbay.db",
            validate=_scheme("sqlite", "postgresql+psycopg"),
        ),
        "database_pool_size": env.int("DATABASE_POOL_SIZE", 10, validate=at_least_one),
        "secret_keys": env.str("SECRET_KEYS", "", validate=_secret_keys),
        "secret_keys_file": env.str("SECRET_KEYS_FILE", ""),
        "broker_url": env.str(
            "BROKER_URL",
            "memory://",
            validate=[_scheme("memory", "amqp", "amqps"), _broker_tls],
        ),
        "queue_type": env.enum("QUEUE_TYPE", QueueType.CLASSIC, enum=QueueType, by_value=True),
        "queue_prefix": env.str(
            "QUEUE_PREFIX",
            "",
            validate=validate.Regexp(
                r"[A-Za-z0-9_.-]{0,100}\Z",
                error="write letters, digits and _ . - only, at most 100",
            ),
        ),
        "data_dir": env.path("DATA_DIR", Path("var")),
        "host": env.str("HOST", "127.0.0.1"),
        "port": env.int("PORT", 8080, validate=validate.Range(min=0, max=65535)),
        "http_threads": env.int("HTTP_THREADS", 64, validate=at_least_one),
        "max_body_bytes": env.int("MAX_BODY_BYTES", 1_048_576, validate=at_least_one),
        "stream_limit": env.int("STREAM_LIMIT", 16, validate=not_negative),
        "stream_max_s": env.float("STREAM_MAX_S", 600.0, validate=positive),
        "body_timeout_s": env.float("BODY_TIMEOUT_S", 30.0, validate=positive),
        "send_timeout_s": env.float("SEND_TIMEOUT_S", 30.0, validate=positive),
        "read_limit_per_minute": env.int("READ_LIMIT_PER_MINUTE", 0, validate=not_negative),
        "write_limit_per_minute": env.int("WRITE_LIMIT_PER_MINUTE", 0, validate=not_negative),
        "bulk_limit_per_minute": env.int("BULK_LIMIT_PER_MINUTE", 0, validate=not_negative),
        "worker_threads": env.int("WORKER_THREADS", 4, validate=at_least_one),
        "batch_size": env.int("BATCH_SIZE", 200, validate=validate.Range(min=1, max=5000)),
        "watch_interval_s": env.float("WATCH_INTERVAL_S", 0.5, validate=positive),
        "shutdown_timeout_s": env.float("SHUTDOWN_TIMEOUT_S", 20.0, validate=positive),
        "email_url": env.str(
            "EMAIL_URL",
            "file:var/outbox",
            validate=[_scheme("off", "file", "smtp", "smtps"), _mail_server],
        ),
        "email_from": env.str("EMAIL_FROM", "Support <support@patchbay.example>"),
        "email_concurrency": env.int("EMAIL_CONCURRENCY", 4, validate=at_least_one),
        "email_reply_to": env.str("EMAIL_REPLY_TO", "", validate=_mailbox),
        "email_bounce_to": env.str("EMAIL_BOUNCE_TO", "", validate=_mailbox),
        "email_alerts_to": env.list("EMAIL_ALERTS_TO", []),
        "email_templates_dir": env.str("EMAIL_TEMPLATES_DIR", "", validate=_folder),
        "email_brand_color": env.str(
            "EMAIL_BRAND_COLOR",
            "#1d4ed8",
            validate=validate.Regexp(
                r"#[0-9A-Fa-f]{6}\Z", error="write a colour as #1d4ed8, six hexadecimal digits"
            ),
        ),
        "email_brand_logo_url": env.str("EMAIL_BRAND_LOGO_URL", "", validate=_public_url),
        "email_brand_footer": env.str("EMAIL_BRAND_FOOTER", ""),
        "email_ticket_url": env.str("EMAIL_TICKET_URL", ""),
        "email_locale": env.str("EMAIL_LOCALE", "en", validate=_locale),
        "email_time_zone": env.str("EMAIL_TIME_ZONE", "UTC", validate=_time_zone),
        "email_attach_max_bytes": env.int(
            "EMAIL_ATTACH_MAX_BYTES", 5_242_880, validate=not_negative
        ),
        "email_domain_rate_per_s": env.float("EMAIL_DOMAIN_RATE_PER_S", 0.0, validate=not_negative),
        "email_dkim_key": env.str("EMAIL_DKIM_KEY", ""),
        "email_dkim_selector": env.str("EMAIL_DKIM_SELECTOR", "patchbay"),
        "webhook_allowed_networks": env.list("WEBHOOK_ALLOWED_NETWORKS", [], validate=_networks),
        "webhook_allow_http": env.bool("WEBHOOK_ALLOW_HTTP", False),
        "webhook_timeout_s": env.float("WEBHOOK_TIMEOUT_S", 15.0, validate=positive),
        "webhook_concurrency": env.int("WEBHOOK_CONCURRENCY", 1024, validate=at_least_one),
        "webhook_endpoint_concurrency": env.int(
            "WEBHOOK_ENDPOINT_CONCURRENCY", 128, validate=at_least_one
        ),
        "delivery_retention_s": env.int("DELIVERY_RETENTION_S", 90 * 86_400, validate=not_negative),
        "storage_url": env.str(
            "STORAGE_URL", "file:var/attachments", validate=_scheme("file", "s3")
        ),
        "storage_s3_endpoint": env.str("STORAGE_S3_ENDPOINT", ""),
        "storage_s3_region": env.str("STORAGE_S3_REGION", ""),
        "storage_s3_access_key_id": env.str("STORAGE_S3_ACCESS_KEY_ID", ""),
        "storage_s3_secret_access_key": env.str("STORAGE_S3_SECRET_ACCESS_KEY", ""),
        "attachment_max_bytes": env.int("ATTACHMENT_MAX_BYTES", 26_214_400, validate=at_least_one),
        "attachment_max_count": env.int(
            "ATTACHMENT_MAX_COUNT", 20, validate=validate.Range(min=1, max=MAX_UPLOADS)
        ),
        "attachment_max_total_bytes": env.int(
            "ATTACHMENT_MAX_TOTAL_BYTES", 104_857_600, validate=at_least_one
        ),
        "attachment_types": env.list("ATTACHMENT_TYPES", list(FileGroup), validate=_file_groups),
        "attachment_allow_encrypted": env.bool("ATTACHMENT_ALLOW_ENCRYPTED", False),
        "upload_ttl_s": env.int("UPLOAD_TTL_S", 86_400, validate=at_least_one),
        "upload_timeout_s": env.float("UPLOAD_TIMEOUT_S", 600.0, validate=positive),
        "transfer_concurrency": env.int("TRANSFER_CONCURRENCY", 16, validate=at_least_one),
        "clamd_url": env.str("CLAMD_URL", "off", validate=_scheme("off", "tcp", "unix")),
        "clamd_timeout_s": env.float("CLAMD_TIMEOUT_S", 60.0, validate=positive),
        "idempotency_ttl_s": env.int("IDEMPOTENCY_TTL_S", 86_400, validate=at_least_one),
        "bulk_max_lines": env.int("BULK_MAX_LINES", 1_000_000, validate=at_least_one),
        "bulk_max_bytes": env.int("BULK_MAX_BYTES", 2_147_483_648, validate=at_least_one),
        "bulk_answered_lines": env.int("BULK_ANSWERED_LINES", 1_000, validate=not_negative),
        "bulk_ttl_s": env.int("BULK_TTL_S", 259_200, validate=at_least_one),
        "audit_retention_s": env.int("AUDIT_RETENTION_S", 63_072_000, validate=_audit_retention),
        "auto_close_after_s": env.int("AUTO_CLOSE_AFTER_S", 432_000, validate=not_negative),
        "reopen_window_s": env.int("REOPEN_WINDOW_S", 604_800, validate=not_negative),
        "rating_window_s": env.int("RATING_WINDOW_S", 604_800, validate=not_negative),
        "close_children": env.enum(
            "CLOSE_CHILDREN", ChildrenRule.ASK, enum=ChildrenRule, by_value=True
        ),
        "close_on_confirmation": env.bool("CLOSE_ON_CONFIRMATION", True),
        "public_url": env.str("PUBLIC_URL", "", validate=_public_url),
        "trusted_proxies": env.list("TRUSTED_PROXIES", [], validate=_networks),
        "embed_origins": env.list("EMBED_ORIGINS", [], validate=_origins),
        "pages_dir": env.str("PAGES_DIR", "", validate=_folder),
        "support_fields": env.list("SUPPORT_FIELDS", list(SupportField), validate=_support_fields),
        "support_min_fill_s": env.float("SUPPORT_MIN_FILL_S", 3.0, validate=not_negative),
        "support_ip_limit_per_hour": env.int(
            "SUPPORT_IP_LIMIT_PER_HOUR", 60, validate=not_negative
        ),
        "support_email_limit_per_hour": env.int(
            "SUPPORT_EMAIL_LIMIT_PER_HOUR", 10, validate=not_negative
        ),
        "log_format": env.enum("LOG_FORMAT", LogFormat.AUTO, enum=LogFormat, by_value=True),
        "log_level": env.str(
            "LOG_LEVEL",
            "INFO",
            validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
        ),
        "tracing": env.enum("TRACING", Tracing.OFF, enum=Tracing, by_value=True),
        "failpoints": env.str("FAILPOINTS", "", validate=_failpoints),
        "failpoints_log": env.str("FAILPOINTS_LOG", ""),
    }


def _scheme(*known: str) -> Any:
    def check(url: str) -> None:
        scheme = url.partition(":")[0]
        if scheme not in known:
            choices = ", ".join(f"{name}:" for name in known)
            raise ValidationError(f"begins with “{scheme}:”; it must begin with one of {choices}")

    return check


def _broker_tls(url: str) -> None:
    try:
        options = parse_broker_url(url).options
    except ValueError as error:
        raise ValidationError(str(error)) from None
    for name in FILES:
        if name in options and not Path(options[name]).is_file():
            raise ValidationError(f"{name}: there is no file {options[name]}")


def _mail_server(url: str) -> None:
    if url.startswith(("smtp:", "smtps:")):
        try:
            parse_smtp_url(url)
        except ValueError as error:
            raise ValidationError(str(error)) from None


def _secret_keys(text: str) -> None:
    try:
        parse_keyring(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _networks(texts: list[str]) -> None:
    for text in texts:
        try:
            ipaddress.ip_network(text.strip())
        except ValueError as error:
            raise ValidationError(f"{error}; write networks as 10.0.0.0/8,::1/128") from error


def _public_url(text: str) -> None:
    if text and not _is_web_url(text):
        raise ValidationError("write where people reach it, as https://help.example.com")


def _origins(texts: list[str]) -> None:
    for text in texts:
        url = urlsplit(text.strip())
        if not _is_web_url(text.strip()) or url.path:
            raise ValidationError(f"{text!r} is no origin; write https://shop.example.com")


def _is_web_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        plain = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        return False
    return bool(plain) and not (url.query or url.fragment or "@" in url.netloc or set(text) & _ODD)


#: Would end a word of a Content-Security-Policy.
_ODD = frozenset(" ;,'\"\t\r\n")


#: With `+` and a token of 48 characters behind it, a local part has at most 64 (RFC 5321).
_MAX_MAILBOX_NAME = 15


def _mailbox(text: str) -> None:
    local, at, domain = text.rpartition("@")
    if text and not (local and at and domain and set(local) <= _PLAIN and not set(domain) & _ODD):
        raise ValidationError("write an address that takes plus-addresses, as help@desk.example")
    if len(local) > _MAX_MAILBOX_NAME:
        raise ValidationError(
            f"the name before the @ has {len(local)} characters; with the token behind it only "
            f"{_MAX_MAILBOX_NAME} fit"
        )


_PLAIN = frozenset(string.ascii_letters + string.digits + "._-")


def _audit_retention(seconds: int) -> None:
    if seconds != 0 and seconds < _LEAST_AUDIT_S:
        raise ValidationError(f"0 is for ever, and {_LEAST_AUDIT_S} (two days) is the least")


#: The database refuses to delete entries of the last day; clocks may be apart.
_LEAST_AUDIT_S = 172_800


def _time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(f"there is no time zone {name!r}; write Europe/Berlin") from error


def _locale(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", name):
        raise ValidationError(f"{name!r} is no language; write ru or de-AT")


def _folder(text: str) -> None:
    if text and not Path(text).is_dir():
        raise ValidationError(f"there is no folder {text}")


def _support_fields(names: list[str]) -> None:
    for name in names:
        if name.strip() not in list(SupportField):
            known = ",".join(SupportField)
            raise ValidationError(f"{name!r} is no optional field; choose from {known}")


def _failpoints(text: str) -> None:
    try:
        failpoints.check(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _file_groups(names: list[str]) -> None:
    for name in names:
        if name.strip() not in list(FileGroup):
            known = ",".join(FileGroup)
            raise ValidationError(f"{name!r} is no kind of file; choose from {known}")


def _unknown(given: Mapping[str, str]) -> list[str]:
    known = variable_names()
    lines = []
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known and name not in CLIENT_VARIABLES:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            lines.append(f"{name}: there is no such setting{hint}")
    return lines


def _flatten(messages: object) -> list[str]:
    if isinstance(messages, dict):
        return [line for value in messages.values() for line in _flatten(value)]
    if isinstance(messages, list):
        return [line for value in messages for line in _flatten(value)]
    return [str(messages)]


def _cross_check(settings: Settings) -> None:
    if settings.secret_keys and settings.secret_keys_file:
        message = (
            "PATCHBAY_SECRET_KEYS: PATCHBAY_SECRET_KEYS_FILE is set as well; leave one of them out"
        )
        raise SettingsError(message)
    if settings.broker_url.startswith("amqp") and settings.database_url.startswith("sqlite"):
        message = (
            "PATCHBAY_BROKER_URL: RabbitMQ spreads work over processes, and SQLite serves one; "
            "set PATCHBAY_DATABASE_URL to postgresql+psycopg://… or the broker to memory://"
        )
        raise SettingsError(message)
