"""The commands and documents of docs/bulk.md work as they stand there."""

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from werkzeug.test import TestResponse

from services.cli.importing.columns import ALIASES, CUSTOM
from services.cli.importing.command import import_
from shared.schemas.bulk import BulkTicketSchema, LineResultSchema
from shared.schemas.import_ticket import ImportTicketSchema
from tests.desk import Desk

PAGE = (Path(__file__).parents[2] / "docs" / "bulk.md").read_text()
BASE = "http://127.0.0.1:8080"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands(program: str, **names: str) -> list[list[str]]:
    text = Template("".join(blocks("bash"))).safe_substitute(names).replace("\\\n", " ")
    lines = [shlex.split(line) for line in text.splitlines() if line.strip()]
    return [words for words in lines if words[0] == program]


def run(desk: Desk, words: list[str]) -> TestResponse:
    """Send what curl would send."""
    options: dict[str, list[str]] = {}
    for option, value in pairwise(words):
        options.setdefault(option, []).append(value)
    [url] = [word for word in words if word.startswith(BASE)]
    more: dict[str, Any] = {}
    if "--data-binary" in options:
        assert options["--data-binary"] == ["@tickets.ndjson"]
        more["data"] = blocks("json")[0]
    method = options.get("-X", ["POST" if more else "GET"])[0]
    headers = dict(each.split(": ", 1) for each in options["-H"])
    return desk.call(method, url.removeprefix(BASE), headers=headers, **more)


def test_every_request_of_the_page_succeeds(desk: Desk) -> None:
    job = "JOB"
    for index in range(len(commands("curl"))):
        words = commands("curl", KEY=desk.token, JOB=job)[index]
        response = run(desk, words)
        assert response.status_code in (200, 202, 207), response.get_data(as_text=True)
        if response.status_code == 202:
            job = response.get_json()["id"]
    assert job != "JOB"


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_the_documents_of_the_page_are_what_the_schemas_say(mode: Any) -> None:
    tickets, results, past = (block.splitlines() for block in blocks("json"))
    for line in tickets:
        BulkTicketSchema().load(json.loads(line))
    for line in past:
        ImportTicketSchema().load(json.loads(line))
    for line in results:
        assert json.loads(line).keys() <= LineResultSchema().fields.keys()
    for field in yaml.safe_load(blocks("yaml")[0])["columns"]:
        assert field in ALIASES or field.startswith(CUSTOM)


@pytest.mark.parametrize("words", commands("patchbay"), ids=lambda words: " ".join(words[2:]))
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_the_command_line_knows_the_options_of_the_page(mode: Any, words: list[str]) -> None:
    assert words[:2] == ["patchbay", "import"]
    import_.make_context("import", words[2:])
