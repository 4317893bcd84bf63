"""Somebody without a key, who looks at the public pages and sends their forms without scripts."""

import re
from collections.abc import Mapping, Sequence
from html import unescape
from io import BytesIO
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

#: What makes a faultless form.
FORM = {
    "name": "Mira Petrova",
    "email": "mira@example.com",
    "subject": "VPN drops every ten minutes",
    "description": "Since this morning.",
    "type": "technical_problem",
}


class Visitor:
    """A browser without scripts, at one network address."""

    def __init__(self, app: Flask, language: str = "en", address: str = "192.0.2.7") -> None:
        self._app = app
        self.headers = {"Accept-Language": language}
        self._address = address

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._open("GET", path, headers=headers)

    def post(self, path: str, data: Any = None, **more: Any) -> TestResponse:
        return self._open("POST", path, data=data, **more)

    def token(self, path: str = "/support") -> str:
        """The token of a form on a page."""
        return hidden(self.get(path).text, "token")

    def send(
        self,
        token: str | None = None,
        files: Sequence[tuple[str, bytes]] = (),
        headers: Mapping[str, str] | None = None,
        **changed: Any,
    ) -> TestResponse:
        """Open the support form, fill it in and send it."""
        data: dict[str, Any] = {
            "token": self.token() if token is None else token,
            **FORM,
            **changed,
        }
        if files:
            data["files"] = [(BytesIO(content), name) for name, content in files]
        return self.post("/support", data, headers=headers or {})

    def status_path(self, **changed: Any) -> str:
        """Make a ticket by the form; return the path of its page."""
        return self.status_path_of(self.send(**changed))

    def status_path_of(self, sent: TestResponse) -> str:
        assert sent.status_code == 303, sent.text
        token = sent.headers["Location"].split("/sent/")[1].split("?")[0]
        return f"/t/{token}"

    def do(
        self, path: str, action: str, files: Sequence[tuple[str, bytes]] = (), **values: Any
    ) -> TestResponse:
        """Send a form of the status page."""
        data: dict[str, Any] = {"token": self.token(path), "do": action, **values}
        if files:
            data["files"] = [(BytesIO(content), name) for name, content in files]
        return self.post(path, data)

    def _open(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {**self.headers, **more.pop("headers", {})}
        environ = {"REMOTE_ADDR": self._address}
        client = self._app.test_client(use_cookies=False)
        return client.open(path, method=method, headers=headers, environ_overrides=environ, **more)


def hidden(page: str, name: str) -> str:
    """The value of a field that cannot be seen."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found.group(1))


def said(page: str) -> str:
    """What can be read on a page, in one line."""
    main = page.split("<main", 1)[1]
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", main)))


def errors(page: str) -> dict[str, str]:
    """What the page says is wrong, by field."""
    found = re.findall(r'id="([\w-]+)-wrong">([^<]+)<', page)
    return {name: unescape(words) for name, words in found}
