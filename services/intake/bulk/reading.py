"""Reading lines: JSON, then the schema, then the names that they refer to."""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from marshmallow import ValidationError

from services.intake.bulk.chunks import Chunk
from services.intake.bulk.line import Line
from services.intake.reference import ReferenceData
from shared.domain.bulk import BulkLimits, BulkMode
from shared.domain.errors import InvalidInput, PatchbayError, TooLarge
from shared.domain.ticket import Lane
from shared.schemas.bulk import BulkTicketSchema
from shared.schemas.import_ticket import ImportTicketSchema
from shared.schemas.plain_load import plain_load
from shared.schemas.refusal import refused_fields
from shared.schemas.strict_json import parse_json

Read = tuple[list[Line], list[tuple[int, PatchbayError]]]


class LineReader:
    """Reads the lines of chunks."""

    def __init__(self, reference: ReferenceData, limits: BulkLimits) -> None:
        self._reference = reference
        self._limits = limits

    def read(self, chunk: Chunk, mode: BulkMode, lane: Lane) -> Read:
        """Return the lines that are acceptable, and why the others are not. Blank ones are none."""
        self._reference.refresh()
        load, lines = _load_of(mode), []
        refused: list[tuple[int, PatchbayError]] = []
        for number, text in enumerate(chunk.lines, chunk.first_line):
            if not text or text.isspace():
                continue
            try:
                lines.append(self._line(number, text, load, lane))
            except PatchbayError as error:
                refused.append((number, error))
        return lines, refused

    def _line(
        self, number: int, text: bytes, load: Callable[[Any], dict[str, Any]], lane: Lane
    ) -> Line:
        document = self._parse(text)
        if isinstance(document, dict):
            document.setdefault("lane", lane.value)
        try:
            content = load(document)
        except ValidationError as error:
            raise refused_fields(error.messages) from error
        errors = self._reference.unknown(content)
        if errors:
            raise InvalidInput("The ticket refers to what does not exist.", errors)
        key = content.pop("idempotency_key")
        return Line(number, content, key, "" if key is None else _hash(document))

    def _parse(self, text: bytes) -> Any:
        if len(text) > self._limits.max_line_bytes:
            message = f"The line is longer than {self._limits.max_line_bytes} bytes."
            raise TooLarge(message)
        return parse_json(text)


def _hash(document: Any) -> str:
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


@cache
def _load_of(mode: BulkMode) -> Callable[[Any], dict[str, Any]]:
    schemas = {BulkMode.CREATE: BulkTicketSchema, BulkMode.IMPORT: ImportTicketSchema}
    return plain_load(schemas[mode]())
