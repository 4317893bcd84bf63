"""The compose files: valid by the specification, closed, and true to the images and services."""

import re
import subprocess

import psycopg
import pytest

from deploy.build.locked import TARGETS
from shared.settings import load_settings
from tests.deploy.dockerfile import environment as image_environment
from tests.deploy.dockerfile import stages
from tests.deploy.documents import ROOT, SERVICES, compose_problems, load
from tests.deploy.environments import settings_from, unknown
from tests.deploy.postgres_conf import CONF, asked_for, settings

FOLDER = ROOT / "deploy/compose"
FILES = ("compose.yaml", "compose.standalone.yaml")
MARGIN_S = 5


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_valid(name):
    assert compose_problems(read(name)) == []


def test_a_misspelt_field_would_be_found():
    document = read("compose.yaml")
    document["services"]["router"]["healtcheck"] = {}

    assert any("healtcheck" in problem for problem in compose_problems(document))


@pytest.mark.parametrize("name", FILES)
def test_our_containers_are_closed_and_bounded(name):
    for service in ours(name).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])
        assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
        assert service["pids_limit"] > 0
        assert "privileged" not in service


@pytest.mark.parametrize("name", FILES)
def test_images_are_built_from_targets_of_the_dockerfile(name):
    for service in ours(name).values():
        build = service["build"]
        assert build["target"] in TARGETS
        assert build["target"] in stages()
        assert service["image"] == f"patchbay-{build['target']}:0.1.0"
        assert (FOLDER / build["context"] / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", FILES)
def test_variables_are_settings(name):
    for service in ours(name).values():
        assert unknown(service["environment"], files=True) == []


@pytest.mark.parametrize("name", FILES)
def test_a_container_is_given_the_time_that_its_process_takes_to_end(name, clean_environment):
    for service in ours(name).values():
        shutdown_s = float(service["environment"]["PATCHBAY_SHUTDOWN_TIMEOUT_S"])

        assert service["stop_grace_period"] == f"{shutdown_s + MARGIN_S:g}s"
        assert shutdown_s == load_settings().shutdown_timeout_s


def test_every_secret_is_a_file_that_is_declared_and_used():
    document = read("compose.yaml")
    used = set()
    for service in document["services"].values():
        names = {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])}
        used |= names
        for variable, path in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert path.removeprefix("/run/secrets/") in names

    assert used == set(document["secrets"])
    assert all(set(each) == {"file"} for each in document["secrets"].values())


def test_the_secrets_fit_together_and_services_start_with_them(tmp_path, clean_environment):
    script = tmp_path / "secrets.sh"
    script.write_text((FOLDER / "secrets.sh").read_text())
    for _ in range(2):  # The second run changes nothing.
        subprocess.run(["bash", script], check=True)
    made = {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()}
    account = dict(line.split(" = ") for line in made["rabbitmq_account"].splitlines())

    for service in SERVICES:
        given = read("compose.yaml")["services"][service]["environment"]
        values = {
            name.removesuffix("_FILE"): made[value.rpartition("/")[2]]
            for name, value in given.items()
            if name.endswith("_FILE")
        }
        settings = settings_from({**image_environment(service), **values})
        assert settings.database_url.endswith(
            f":{made['postgres_password']}@postgres:5432/patchbay"
        )
        assert f":{account['default_pass']}@rabbitmq:5672/" in settings.broker_url
    assert set(made) == set(read("compose.yaml")["secrets"])
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0


def test_postgresql_leaves_most_of_its_memory_to_everything_else():
    limit = bytes_of(
        read("compose.yaml")["services"]["postgres"]["deploy"]["resources"]["limits"]["memory"]
    )
    given = settings() | server_options()
    cleaning = int(given["autovacuum_max_workers"]) * bytes_of(given["maintenance_work_mem"])

    assert bytes_of(given["shared_buffers"]) <= limit / 4
    assert bytes_of(given["shared_buffers"]) + cleaning <= limit / 2
    assert bytes_of(given["effective_cache_size"]) <= limit


def test_postgresql_takes_its_options(servers):
    options = [f"--{name}={value}" for name, value in server_options().items()]
    with psycopg.connect(servers.postgres.url("postgres").replace("+psycopg", "")) as connection:
        (data,) = connection.execute("SHOW data_directory").fetchone()

    done = asked_for("shared_buffers", CONF, data, *options)

    assert done.returncode == 0, done.stderr
    # In blocks of 8 KiB.
    assert int(done.stdout) * 8192 == bytes_of(server_options()["shared_buffers"])


def test_services_wait_for_the_schema_and_can_be_more_than_one():
    services = read("compose.yaml")["services"]

    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["migrate"]["restart"] == "no"
    for name in SERVICES:
        waits = services[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
        assert "container_name" not in services[name]
        assert name == "intake" or "ports" not in services[name]


@pytest.mark.parametrize("name", FILES)
def test_what_is_published_is_for_this_machine_alone(name):
    published = [port for each in read(name)["services"].values() for port in each.get("ports", [])]

    assert published == ["127.0.0.1:8080:8080"]


def test_what_is_mounted_exists():
    for service in read("compose.yaml")["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (FOLDER / source).is_file()


def read(name):
    (document,) = load(FOLDER / name)
    return document


def ours(name):
    return {n: each for n, each in read(name)["services"].items() if "build" in each}


def server_options():
    """What the command line of PostgreSQL sets in place of its configuration."""
    program, *options = read("compose.yaml")["services"]["postgres"]["command"]
    assert program == "postgres"
    found = dict(option.removeprefix("--").split("=", 1) for option in options)
    del found["config_file"]
    return found


def bytes_of(size):
    """A size as Compose (2G) and PostgreSQL (512MB) write it."""
    number, unit = re.fullmatch(r"(\d+)([KMG])B?", size).groups()
    return int(number) * 1024 ** (1 + "KMG".index(unit))
