"""django-helpdesk: tickets created by its REST API, on the PostgreSQL of the run."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import make_url

from deploy.local.servers import Servers
from shared.ports import choose_port
from shared.waiting import wait_until
from tests.bench.accepting import listens
from tests.bench.desk import PATIENCE_S, Figures, run_load

PACKAGES = ("django-helpdesk==2.6.1", "gunicorn", "psycopg[binary]")
PROCESSES, THREADS = 2, 32
_SITE = Path(__file__).parent


def measure(servers: Servers, requests: int, folder: Path) -> Figures:
    """Return tickets a second at 64 connections, or the reason why it was not measured."""
    environment = folder / "peers" / "helpdesk"
    try:
        _install(environment)
    except subprocess.CalledProcessError as error:
        why = error.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        return {"helpdesk_reason": f"django-helpdesk was not measured, pip failed: {why[0]}"}
    python = environment / "bin" / "python"
    settings = {**os.environ, **_settings(servers)}
    prepared = subprocess.run(
        [python, "-m", "helpdesk_site.prepare"],
        env=settings,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = json.loads(prepared.stdout)
    port = choose_port()
    server = _serve(python, port, settings)
    try:
        if not wait_until(lambda: listens(port), PATIENCE_S):
            raise RuntimeError("django-helpdesk does not answer")
        url = f"http://127.0.0.1:{port}/api/tickets/"
        extra = {
            "queue": found["queue"],
            "title": "VPN drops",
            "submitter_email": "mira@example.com",
            "priority": 3,
        }
        run_load(url, found["token"], 64, 200, extra)
        figures = run_load(url, found["token"], 64, requests, extra)
    finally:
        server.terminate()
        server.wait(30)
    return {
        "helpdesk_per_s": figures["per_s"],
        "helpdesk_p50_ms": figures["p50_ms"],
        "helpdesk_p99_ms": figures["p99_ms"],
    }


def _install(environment: Path) -> None:
    """Make the environment unless it is there; raises CalledProcessError."""
    if (environment / "bin" / "gunicorn").exists():
        return
    uv = [sys.executable, "-m", "uv"]
    for command in (
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [*uv, "pip", "install", "--quiet", "--python", str(environment), *PACKAGES],
    ):
        subprocess.run(command, check=True, capture_output=True, text=True)


def _settings(servers: Servers) -> Mapping[str, str]:
    url = make_url(servers.postgres.create_database("helpdesk"))
    return {
        "BENCH_DATABASE_HOST": str(url.host),
        "BENCH_DATABASE_PORT": str(url.port),
        "BENCH_DATABASE_USER": str(url.username),
        "BENCH_DATABASE_NAME": str(url.database),
        "DJANGO_SETTINGS_MODULE": "helpdesk_site.settings",
        "PYTHONPATH": str(_SITE),
    }


def _serve(python: Path, port: int, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(python, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()"),
            *("--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--keep-alive", "60"),
            *("--workers", str(PROCESSES), "--threads", str(THREADS), "--log-level", "error"),
        ],
        env=dict(settings),
        stdout=subprocess.DEVNULL,
    )
