"""Lets what a doorbell brings belong to the trace of whoever rang, for logs and further rings.

A doorbell is for whatever is ready: of rings that were merged it has one trace. What is kept of a
ticket, and sent with its webhooks, never comes from here but from the ticket's own row.
"""

from typing import Any

from dramatiq.middleware import Middleware

from shared.domain.trace_context import CURRENT, accepted

#: The key among the options of a message.
OPTION = "traceparent"


class CarryTrace(Middleware):
    """Sets the trace in the thread that handles a message, and takes it away afterwards."""

    def before_process_message(self, _: Any, message: Any) -> None:
        """Begin: `message` belongs to the trace of its option."""
        CURRENT.set(accepted(message.options.get(OPTION)))

    def after_process_message(
        self, _: Any, __: Any, *, result: Any = None, exception: Any = None
    ) -> None:
        """End: the thread's next message belongs to another trace, or to none."""
        CURRENT.set(None)

    def after_skip_message(self, _: Any, __: Any) -> None:
        """End, of a message that was skipped."""
        CURRENT.set(None)
