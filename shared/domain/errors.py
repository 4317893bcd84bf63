"""Everything Patchbay refuses or cannot do, as one tree.

    PatchbayError
    ├── MalformedRequest        the request cannot be read at all
    ├── NotAcceptable           the caller takes no form that the answer has
    ├── QuotaExceeded           the caller sends more than its key may
    ├── LengthRequired          its body does not say how long it is
    ├── InvalidInput            the request's content breaks a rule; `errors` says where
    │   ├── BadExpression       a condition is not one; line, column and reason
    │   └── BadToken            a signed link or cursor is forged, foreign or too old
    ├── TooLarge                more bytes or files than is allowed, as sent or unpacked
    ├── TooSlow                 a body that did not arrive in time
    ├── FileTypeRefused         a file of a type that is not taken
    ├── FileRefused             a file that is not what it seems, or would do harm
    ├── RangeRefused            a part of a file that it does not have
    ├── EvaluationFailed        a condition has no answer for these values
    ├── Unauthenticated         no key, an unknown key or one that ran out
    ├── Forbidden               the key lacks a scope
    ├── NotFound                no such thing
    ├── Conflict                the state of a thing forbids it
    │   ├── InvalidTransition   the lifecycle has no such step
    │   ├── VersionMismatch     somebody changed it in between
    │   ├── IdempotencyMismatch same Idempotency-Key, other request
    │   ├── IdempotencyInFlight same Idempotency-Key, whose first request is not done
    │   └── NotScannedYet       the virus scan has not seen the file yet
    ├── PreconditionRequired    a change must say which version it is of
    ├── Infected                the virus scan found something in the file
    ├── TooBroad                a question that finds no answer in its time
    ├── SchemaBehind            the database's schema is older than this release's
    ├── SchemaAhead             it is of a later release, and this one does not work on it
    ├── SecretUnreadable        a secret is sealed by a key that is not here
    └── Unavailable             a dependency is down; trying again later will do

No HTTP in here: `services.intake.api.problems` maps `code` to a status in one place.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One broken rule: `pointer` is a JSON Pointer (RFC 6901) into the request's body."""

    pointer: str
    detail: str


class PatchbayError(Exception):
    """The root; `code` is stable and part of the API."""

    code = "internal-error"

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class MalformedRequest(PatchbayError):
    """A request cannot be read at all."""

    code = "malformed-request"


class NotAcceptable(PatchbayError):
    """The caller takes no form that the answer has."""

    code = "not-acceptable"


class QuotaExceeded(PatchbayError):
    """The caller sends more than its key may; `retry_after_s` later it may again."""

    code = "quota-exceeded"

    def __init__(self, detail: str, retry_after_s: int, **extra: object) -> None:
        super().__init__(detail, **extra)
        self.retry_after_s = retry_after_s


class LengthRequired(PatchbayError):
    """The body of a request does not say how long it is, so its end cannot be told."""

    code = "length-required"


class InvalidInput(PatchbayError):
    """The content of a request breaks a rule."""

    code = "invalid-input"

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)


class BadExpression(InvalidInput):
    """A condition cannot be used; `line` and `column` count from 1, `reason` has the way out."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"Line {line}, column {column}: {reason}")
        self.line = line
        self.column = column
        self.reason = reason


class BadToken(InvalidInput):
    """What should have been signed here was not, or too long ago."""


class TooLarge(PatchbayError):
    """More than is allowed; the text has the limit and the way out."""

    code = "too-large"


class TooSlow(PatchbayError):
    """A body that did not arrive in time."""

    code = "request-timeout"


class FileTypeRefused(PatchbayError):
    """A file whose content is of a type that is not taken; `detected` and `allowed` say which."""

    code = "file-type-refused"


class FileRefused(PatchbayError):
    """A file that is not what it seems, or would do harm; `reason` is stable."""

    code = "file-refused"


class RangeRefused(PatchbayError):
    """A part of a file was asked for that the file does not have."""

    code = "range-not-satisfiable"


class EvaluationFailed(PatchbayError):
    """A condition has no answer for these values, such as a key that is not there."""


class Unauthenticated(PatchbayError):
    """No usable key came with the request."""

    code = "unauthenticated"


class Forbidden(PatchbayError):
    """The key may not do this; `errors` says where the request asks for it, if in one place."""

    code = "forbidden"

    def __init__(self, detail: str, errors: Sequence[FieldError] = (), **extra: object) -> None:
        super().__init__(detail, **extra)
        self.errors = tuple(errors)


class NotFound(PatchbayError):
    """There is no such thing."""

    code = "not-found"


class Conflict(PatchbayError):
    """The present state forbids it."""

    code = "conflict"


class InvalidTransition(Conflict):
    """The lifecycle of a ticket has no such step."""

    code = "invalid-transition"


class VersionMismatch(Conflict):
    """The thing was changed since the caller read it."""

    code = "version-mismatch"


class IdempotencyMismatch(Conflict):
    """An Idempotency-Key came again with another request."""

    code = "idempotency-key-reused"


class NotScannedYet(Conflict):
    """The virus scan has not seen the file yet."""

    code = "not-scanned-yet"


class Infected(PatchbayError):
    """The virus scan found something in the file; it is kept and never handed out."""

    code = "infected"


class IdempotencyInFlight(Conflict):
    """An Idempotency-Key came again before its first request was done."""

    code = "idempotency-key-in-flight"


class PreconditionRequired(PatchbayError):
    """A change must say which version of the thing it is of."""

    code = "precondition-required"


class Unavailable(PatchbayError):
    """Something Patchbay needs is down; the same request may succeed later."""

    code = "unavailable"


class TooBroad(PatchbayError):
    """A question to the database took longer than it may."""

    code = "too-broad"


class SchemaBehind(PatchbayError):
    """The database's schema is older than this release needs; the text has the way out."""

    code = "schema-behind"


class SchemaAhead(PatchbayError):
    """The database's schema is of a later release, and no longer works with this one."""

    code = "schema-ahead"


class SecretUnreadable(PatchbayError):
    """A secret in the database is sealed by a key that this process does not have, or was changed.

    The text names the key by its id, and what it is that cannot be read.
    """

    code = "secret-unreadable"
