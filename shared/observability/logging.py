"""Structured logs: JSON lines in production, readable ones in a terminal."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from shared.domain.trace_context import CURRENT, span_id, trace_id
from shared.observability import tracing
from shared.observability.redaction import redact
from shared.settings import LogFormat

#: Libraries whose chatter below WARNING helps nobody.
# SQLAlchemy names the logger of a pool after the module of its class, and ours is our own.
_QUIET = ("shared.db.dialects.pool", "dramatiq", "aiohttp", "alembic", "_granian", "aiosmtplib")


def configure_logging(log_format: LogFormat, level: str, service: str) -> None:
    """Send every log of this process, ours and the libraries', to standard error.

    `service` is on each line. Called once by whatever starts the process.
    """
    as_json = log_format is LogFormat.JSON or (
        log_format is LogFormat.AUTO and not sys.stderr.isatty()
    )
    shared_processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _name_the_service(service),
        _name_the_trace,
    ]
    # Tracebacks as text, without local variables: those hold tokens and what customers wrote.
    plain = structlog.dev.plain_traceback
    renderer: list[Any] = [
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),
    ]
    structlog.configure(
        processors=[
            *shared_processors,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A level that is off costs nothing: there are debug lines on the path of every ticket.
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # pika reports each step of a connection that fails; `doorbell.failed` says it once.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def get_logger() -> Any:
    """Return the logger: `log.info("ticket.routed", tickets=12)`; events are noun.verbed."""
    return structlog.get_logger()


def _name_the_service(service: str) -> Any:
    def add(_: object, __: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = service
        return event

    return add


def _name_the_trace(_: object, __: str, event: dict[str, Any]) -> dict[str, Any]:
    traceparent = CURRENT.get()
    if traceparent is not None and "trace_id" not in event:
        event["trace_id"] = trace_id(traceparent)
        if tracing.on():
            # Otherwise it is a span of whoever asked, which is none of this line's.
            event["span_id"] = span_id(traceparent)
    return event


@contextmanager
def command_logging() -> Iterator[None]:
    """Send warnings and errors to standard error for the length of a command.

    What a command prints is its answer, often read by a program; nothing else belongs there.
    """
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
