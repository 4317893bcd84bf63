"""Problems of bulk lines in the language of whoever reads them.

Results are made and stored in English, as all texts are; a job's are read by people who need not
speak the language of its sender. They are told as other problems are, by the same catalogues.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from flask import Request

from services.intake.api.catalogue import CATALOGUE
from services.intake.api.languages import Language, preferred
from services.intake.api.translations import translate

#: What a line with a problem holds, as it is stored.
PROBLEM = b'"problem":'


def language_headers(request: Request) -> dict[str, str]:
    """Return the headers of an answer of lines; what has no translation stays English."""
    language = preferred(request)
    spoken = dict.fromkeys((language.value, Language.ENGLISH.value))
    return {"Content-Language": ", ".join(spoken), "Vary": "Accept-Language"}


def spoken_lines(lines: Iterator[bytes], language: Language) -> Iterator[bytes]:
    """Yield lines of results, several at a time, in a language."""
    for some in lines:
        if PROBLEM not in some:
            yield some
            continue
        told = (_line(line, language) for line in some.splitlines(keepends=True))
        yield b"".join(told)


def spoken_result(result: Mapping[str, Any], language: Language) -> Mapping[str, Any]:
    """Return the result of a line in a language."""
    if "problem" not in result:
        return result
    problem = dict(result["problem"])
    problem["title"] = CATALOGUE[problem["code"]].title.of(language)
    problem["detail"] = translate(problem["detail"], language) or problem["detail"]
    if "errors" in problem:
        problem["errors"] = [
            {**each, "detail": translate(each["detail"], language) or each["detail"]}
            for each in problem["errors"]
        ]
    return {**result, "problem": problem}


def _line(line: bytes, language: Language) -> bytes:
    if PROBLEM not in line:
        return line
    return orjson.dumps(spoken_result(orjson.loads(line), language)) + b"\n"
