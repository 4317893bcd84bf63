"""The Dockerfile, read as a machine reads it, and the two programs that every image holds."""

import json
import os
import re
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import click
import pytest

from deploy.build.locked import TARGETS
from services.cli.main import COMMANDS, cli
from services.cli.notifier import HEALTH_PORT as NOTIFIER_PORT
from services.cli.router import HEALTH_PORT as ROUTER_PORT
from shared.settings import SettingsError
from tests.deploy.dockerfile import DOCKERFILE, ancestry, environment, last, stages
from tests.deploy.documents import ROOT
from tests.deploy.environments import settings_from, unknown

ENTRYPOINT = ROOT / "deploy/docker/entrypoint.py"
HEALTHCHECK = ROOT / "deploy/docker/healthcheck.py"
PORTS = {"intake": 8080, "standalone": 8080, "router": ROUTER_PORT, "notifier": NOTIFIER_PORT}


@pytest.mark.parametrize("target", TARGETS)
def test_every_service_has_a_target_that_installs_it_and_takes_it_over(target):
    (copy,) = stages()[target].all("COPY")
    built = stages()[copy.option("from")]
    script = ["bash", "deploy/build/install.sh", target, "/opt/patchbay"]

    assert [each.words for each in built.all("RUN")] == [
        [*script, "dependencies"],
        [*script, "package"],
    ]
    assert copy.words == ["/opt/patchbay", "/opt/patchbay"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_container_is_not_root_and_ends_by_sigterm(target):
    user, _, group = last(target, "USER").text.partition(":")

    assert int(user) == int(group) == 10001
    assert f"--uid {user} " in (ROOT / "deploy/docker/account.sh").read_text()
    assert last(target, "STOPSIGNAL").text == "SIGTERM"


@pytest.mark.parametrize("target", TARGETS)
def test_the_command_of_a_target_is_one_that_patchbay_has(target):
    name, *options = last(target, "CMD").words

    assert name in COMMANDS
    command = cli.get_command(click.Context(cli), name)
    command.make_context(name, options)


@pytest.mark.parametrize(("target", "port"), PORTS.items())
def test_health_is_asked_at_the_port_where_the_service_listens(target, port):
    assert last(target, "EXPOSE").text == str(port)
    assert f'"http://127.0.0.1:{port}/healthz"' in last(target, "HEALTHCHECK").text
    assert target in ("router", "notifier") or settings_from(environment(target)).port == port


@pytest.mark.parametrize("target", TARGETS)
def test_the_settings_of_an_image_are_settings_and_write_to_the_volume_only(target):
    given = environment(target)
    (volume,) = json.loads(last(target, "VOLUME").text)
    settings = settings_from(given)

    assert unknown(given) == []
    assert str(settings.data_dir) == volume
    assert settings.storage_url.startswith(f"file:{volume}/")
    assert settings.email_url.startswith(f"file:{volume}/")


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_starts_from_a_pinned_release_and_carries_no_secret(target):
    text = DOCKERFILE.read_text()
    base = ancestry(target)[0].base

    assert re.fullmatch(r"python:\d\.\d+-slim-\w+", base)
    assert not re.search(r"(?i)password|secret_|token|\bADD\b|latest|curl |apt-get|\bsudo\b", text)
    assert not [
        each for stage in stages().values() for each in stage.all("RUN") if not exec_form(each)
    ]
    assert not [each for each in stages()["runtime"].all("ENTRYPOINT") if not exec_form(each)]


def test_what_the_dockerfile_copies_exists_and_is_let_through():
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copies = [each for stage in stages().values() for each in stage.all("COPY")]
    sources = [word for each in copies if not each.option("from") for word in each.words[:-1]]

    assert "*" in ignored
    assert sources
    for source in sources:
        path = source.rstrip("/")
        assert (ROOT / path).exists()
        assert any(
            path == known or path.startswith(f"{known}/") for known in let_through - {"deploy"}
        )


def test_the_version_of_the_images_is_that_of_the_package():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[
        1
    ]

    assert f'image.version="{version}"' in DOCKERFILE.read_text()


def test_the_steps_of_the_dockerfile_can_be_run_without_docker():
    done = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv/.ready", "image-check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    (module,) = re.findall(r"python -m (\S+)", done.stdout)

    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_secrets_come_from_files_and_signals_reach_patchbay(tmp_path):
    program = tmp_path / "patchbay"
    program.write_text(
        "#!/usr/bin/env python3\nimport os, signal, sys\n"
        "print(os.getpid(), sys.argv[1:], os.environ['PATCHBAY_BROKER_URL'],"
        " 'PATCHBAY_BROKER_URL_FILE' in os.environ, flush=True)\nsignal.pause()\n"
    )
    program.chmod(0o755)
    (tmp_path / "broker").write_text("amqp://patchbay:s3cret@mq/\n")
    started = subprocess.Popen(
        [sys.executable, ENTRYPOINT, "router", "--processes", "2"],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PATCHBAY_BROKER_URL_FILE": f"{tmp_path}/broker",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    with started:
        line = started.stdout.readline().strip()
        started.terminate()

    expected = "['router', '--processes', '2'] amqp://patchbay:s3cret@mq/ False"
    assert line == f"{started.pid} {expected}"
    assert started.returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PATCHBAY_EMAIL_URL_FILE": "/nowhere"}, "PATCHBAY_EMAIL_URL_FILE"),
        ({"PATCHBAY_EMAIL_URL_FILE": "/dev/null", "PATCHBAY_EMAIL_URL": "off"}, "both set"),
    ],
)
def test_a_secret_that_cannot_be_had_ends_the_start_with_one_line(given, said):
    done = subprocess.run(
        [sys.executable, ENTRYPOINT, "router"],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_form_with_a_file_is_the_entrypoints_and_no_setting(tmp_path):
    with pytest.raises(SettingsError):
        settings_from({"PATCHBAY_EMAIL_URL_FILE": str(tmp_path)})


@pytest.mark.parametrize(("status", "ends"), [(200, 0), (503, 1)])
def test_a_health_check_says_what_the_service_says(status, ends):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/healthz"
        done = subprocess.run([sys.executable, HEALTHCHECK, url], capture_output=True, check=False)

    assert done.returncode == ends


def test_a_health_check_of_nobody_fails():
    done = subprocess.run(
        [sys.executable, HEALTHCHECK, "http://127.0.0.1:1/healthz"],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1


def exec_form(instruction):
    return instruction.text.startswith("[")
