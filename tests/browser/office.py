"""A real Patchbay in a process of its own, with an agent at work, for the browser to visit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from shared.ports import choose_port
from tests.processes import END_TIMEOUT_S, ROOT
from tests.waiting import eventually


class Office:
    """The process, and what the desk does by its API."""

    def __init__(self, folder: Path, **settings: str) -> None:
        port = choose_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "serve.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PATCHBAY_")}
        environment = {
            **inherited,
            "PATCHBAY_DATABASE_URL": f"sqlite:///{folder / 'patchbay.db'}",
            "PATCHBAY_DATA_DIR": str(folder),
            "PATCHBAY_STORAGE_URL": f"file:{folder / 'attachments'}",
            "PATCHBAY_EMAIL_URL": "off",
            "PATCHBAY_PORT": str(port),
            "PATCHBAY_SUPPORT_MIN_FILL_S": "0",
            "PATCHBAY_SUPPORT_IP_LIMIT_PER_HOUR": "0",
            "PATCHBAY_ATTACHMENT_MAX_BYTES": "1000000",
            **settings,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "serve", "--example"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        eventually(self._ready)
        self._key = (folder / "admin.key").read_text().strip()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request of the desk; return the document."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        with urlopen(Request(self.url + path, data, headers, method=method), timeout=10) as answer:
            return json.load(answer)

    def ticket(self, number: int) -> dict[str, Any]:
        """The ticket of this number."""
        [found] = self.call("GET", f"/v1/tickets?number={number}")["items"]
        return dict(found)

    def step(self, ticket_id: str, transition: str, **more: Any) -> None:
        """The desk takes a step."""
        body = {"transition": transition, **more}
        self.call("POST", f"/v1/tickets/{ticket_id}/transitions", body)

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(END_TIMEOUT_S)
        assert status == 0, self._log.read_text()

    def _ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            with urlopen(f"{self.url}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
