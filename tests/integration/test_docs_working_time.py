"""The commands of docs/working-time.md work as they stand there."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

from werkzeug.test import TestResponse

from tests.desk import Desk

PAGE = (Path(__file__).parents[2] / "docs" / "working-time.md").read_text()
BASE = "http://127.0.0.1:8080"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def files() -> dict[str, str]:
    names = re.findall(r"`(\w+\.ics)`:", PAGE)
    return dict(zip(names, blocks("ics"), strict=True))


def commands(**names: str) -> list[list[str]]:
    text = Template("".join(blocks("bash"))).substitute(names).replace("\\\n", " ")
    words = shlex.split(text)
    starts = [index for index, word in enumerate(words) if word == "curl"]
    return [words[a:b] for a, b in zip(starts, [*starts[1:], len(words)], strict=True)]


def run(desk: Desk, words: list[str]) -> TestResponse:
    """Send what curl would send."""
    options: dict[str, list[str]] = {}
    for option, value in pairwise(words):
        options.setdefault(option, []).append(value)
    [url] = [word for word in words if word.startswith(BASE)]
    headers = dict(each.split(": ", 1) for each in options["-H"])
    more: dict[str, Any] = {}
    if "-d" in options:
        more["data"] = options["-d"][0]
    if "--data-binary" in options:
        more["data"] = files()[options["--data-binary"][0].removeprefix("@")]
    method = options.get("-X", ["POST" if more else "GET"])[0]
    return desk.call(method, url.removeprefix(BASE), headers=headers, **more)


def test_every_command_succeeds_in_the_order_of_the_page(desk: Desk) -> None:
    agent_id = desk.agent()
    found = commands(KEY=desk.token, AGENT=agent_id)
    assert len(found) == PAGE.count("\ncurl ") == 7
    for words in found:
        response = run(desk, words)
        assert response.status_code in (200, 201), response.get_data(as_text=True)
    agent = desk.read_agent(agent_id)
    assert agent["calendar"] == "berlin"
    assert agent["shifts"]["time_zone"] == "Asia/Kathmandu"
    assert desk.ok("GET", "/v1/calendars/berlin")["holidays"][0]["name"] == "Christmas"


def test_the_refusal_that_is_shown_is_the_one_that_comes(desk: Desk) -> None:
    leave = files()["leave.ics"].split("BEGIN:VEVENT")
    text = "BEGIN:VEVENT".join([leave[0], leave[2]]).replace("Europe/Berlin", "Europe/Berln", 1)
    url = f"/v1/agents/{desk.agent()}/absences"
    response = desk.call("PUT", url, data=text, content_type="text/calendar")
    [error] = response.get_json()["errors"]
    assert blocks("json") == [
        f'{{"pointer": "{error["pointer"]}", "detail": "{error["detail"]}"}}\n'
    ]
