"""The Kubernetes manifests: valid by the API's schemas, closed, and true to what Patchbay does."""

import re

import click
import pytest
from sqlalchemy.engine import make_url

from services.cli.main import COMMANDS, cli
from services.cli.notifier import HEALTH_PORT as NOTIFIER_PORT
from services.cli.router import HEALTH_PORT as ROUTER_PORT
from services.intake import bootstrap
from shared.domain.broker_url import parse_broker_url
from shared.settings import load_settings
from tests.deploy.dockerfile import environment as image_environment
from tests.deploy.dockerfile import last
from tests.deploy.documents import (
    FOREIGN_KINDS,
    KUBERNETES,
    OVERLAYS,
    ROOT,
    SERVICES,
    kubernetes_problems,
    load,
    manifests,
    named,
    of_kind,
    rendered,
)
from tests.deploy.environments import settings_from, unknown
from tests.deploy.policies import Pod, reached, reaching

PORTS = {"intake": 8080, "router": ROUTER_PORT, "notifier": NOTIFIER_PORT}
#: Beyond PATCHBAY_SHUTDOWN_TIMEOUT_S, as docs/operations.md asks for.
MARGIN_S = 5
#: Paths that need no key and are for probes and Prometheus alone; docs/deploy.md#proxies.
NOT_PUBLIC = {"/healthz", "/readyz", "/metrics"}
#: Where production's pods find the authorities of database and broker.
AUTHORITIES = "/etc/patchbay/authorities"
NAME_SERVER = Pod("kube-system", {"k8s-app": "kube-dns"})


def test_every_document_is_valid_as_it_is_written():
    judged = [(p, d) for p, d in manifests() if d["kind"] not in FOREIGN_KINDS]

    problems = {path.name: kubernetes_problems(document) for path, document in judged}

    assert len(judged) > 20
    assert {name: found for name, found in problems.items() if found} == {}


def test_a_misspelt_field_would_be_found():
    deployment = named("Deployment", "patchbay-intake")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    assert any("livenesProbe" in problem for problem in kubernetes_problems(deployment))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_kustomize_makes_is_valid_and_whole(overlay):
    found = rendered(overlay)
    problems = [p for d in found if d["kind"] not in FOREIGN_KINDS for p in kubernetes_problems(d)]
    generated = {d["metadata"]["name"] for d in found if d["kind"] in ("ConfigMap", "Secret")}

    assert problems == []
    assert {d["metadata"]["namespace"] for d in found} == {"patchbay"}
    for container in containers(found):
        sources = [next(iter(each.values()))["name"] for each in container["envFrom"]]
        assert set(sources) <= generated
        assert re.fullmatch(r"patchbay-\w+:\d+\.\d+\.\d+", container["image"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_settings_of_an_overlay_are_settings_and_every_service_takes_them(overlay, files):
    given = settings_of(overlay, files)

    assert unknown(given) == []
    for service in SERVICES:
        settings_from({**image_environment(service), **given})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_written_where_settings_are(overlay):
    lines = literals(KUBERNETES / "base") + literals(KUBERNETES / "overlays" / overlay)

    assert not [
        line for line in lines if re.search(r"DATABASE_URL|BROKER_URL|SECRET|PASSWORD", line)
    ]


@pytest.mark.parametrize("service", [*SERVICES, "migrate"])
def test_a_pod_is_closed(service):
    pod = pod_of(service)
    (container,) = pod["containers"]

    assert pod["automountServiceAccountToken"] is False
    assert (
        named("ServiceAccount", pod["serviceAccountName"])["automountServiceAccountToken"] is False
    )
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(last(service, "USER").text.partition(":")[0])
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]
    assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {m["name"] for m in container["volumeMounts"]} <= {v["name"] for v in pod["volumes"]}


@pytest.mark.parametrize("service", [*SERVICES, "migrate"])
def test_a_container_runs_a_command_that_patchbay_has(service):
    name, *options = pod_of(service)["containers"][0]["args"]

    assert name == service
    assert name in COMMANDS
    cli.get_command(click.Context(cli), name).make_context(name, options)


@pytest.mark.parametrize(("service", "port"), PORTS.items())
def test_probes_ask_what_the_service_answers(service, port):
    (container,) = pod_of(service)["containers"]
    annotations = named("Deployment", f"patchbay-{service}")["spec"]["template"]["metadata"][
        "annotations"
    ]

    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert annotations["prometheus.io/port"] == str(port)
    for probe, path in (("startup", "healthz"), ("liveness", "healthz"), ("readiness", "readyz")):
        assert container[f"{probe}Probe"]["httpGet"] == {"path": f"/{path}", "port": "http"}
    assert service == "intake" or "0.0.0.0" in container["args"]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_given_the_time_that_its_process_takes_to_end(
    service, overlay, files, clean_environment
):
    pod = pod_of(service)
    settings = settings_from(settings_of(overlay, files))
    hook = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {})
    before_s = float(hook["command"][1]) if hook else 0

    assert pod["terminationGracePeriodSeconds"] == settings.shutdown_timeout_s + MARGIN_S + before_s


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_stays_while_nodes_are_emptied(service):
    labels = {"app.kubernetes.io/component": service}
    budget = named("PodDisruptionBudget", f"patchbay-{service}")["spec"]
    spreads = pod_of(service)["topologySpreadConstraints"]

    assert budget["selector"]["matchLabels"] == labels
    assert budget["maxUnavailable"] == 1
    assert [each["topologyKey"].rpartition("/")[2] for each in spreads] == ["hostname", "zone"]
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spreads)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_may_ask_for_names_and_the_name_server_alone(overlay):
    found = rendered(overlay)

    for protocol in ("UDP", "TCP"):
        assert reaching(found, NAME_SERVER, 53, protocol) == {*SERVICES, "migrate"}
        assert reaching(found, Pod("kube-system", {"k8s-app": "other"}), 53, protocol) == set()
        assert reaching(found, Pod("elsewhere", NAME_SERVER.labels), 53, protocol) == set()


def test_no_peer_is_named_in_a_way_that_kustomize_adds_its_labels_to():
    for policy in of_kind("NetworkPolicy"):
        for rule in [*policy["spec"].get("egress", []), *policy["spec"].get("ingress", [])]:
            for peer in [*rule.get("to", []), *rule.get("from", [])]:
                assert "matchLabels" not in peer.get("podSelector", {}), policy["metadata"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_comes_in_or_goes_out_unless_a_policy_names_it(overlay):
    found = rendered(overlay)

    def of(namespace):
        return Pod(namespace, {"app": "whatever it is"})

    assert reaching(found, of("databases"), 5432) == {*SERVICES, "migrate"}
    assert reaching(found, of("messaging"), 5672) == set(SERVICES)
    assert reaching(found, of("messaging"), 5671) == set(SERVICES)
    assert reaching(found, of("monitoring"), 4318) == set(SERVICES)
    assert reaching(found, "203.0.113.7", 25) == {"notifier"}
    assert reaching(found, "203.0.113.7", 443) == {"intake", "notifier"}
    assert reaching(found, of("elsewhere"), 5432) == reaching(found, of("databases"), 22) == set()
    assert reached(found, of("ingress-nginx"), "http") == {"intake"}
    assert reached(found, of("monitoring"), "http") == set(SERVICES)
    assert reached(found, of("elsewhere"), "http") == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "127.0.0.1", "fd00::1"]
)
def test_nothing_goes_to_private_networks(overlay, address):
    assert reaching(rendered(overlay), address, 443) == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_ingress_leads_to_intake(overlay):
    service = named("Service", "patchbay-intake")["spec"]
    backends = [path["backend"]["service"] for path in published(overlay)]

    assert service["selector"] == {"app.kubernetes.io/component": "intake"}
    assert service["ports"][0]["targetPort"] == "http"
    assert backends == [{"name": "patchbay-intake", "port": {"name": "http"}}] * len(backends)


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_every_path_is_either_published_or_kept_from_the_public(overlay, runtime):
    app = bootstrap.build(runtime)
    paths = {re.sub("<[^>]+>", "x", rule.rule) for rule in app.url_map.iter_rules()}
    bootstrap.close(app)
    public = {path for path in paths if any(leads(each, path) for each in published(overlay))}

    assert len(public) > 50
    assert paths - public == NOT_PUBLIC
    for each in published(overlay):
        assert any(leads(each, path) for path in paths), each
    (example,) = re.findall(r"`location ~ (\S+)`", (ROOT / "docs/deploy.md").read_text())
    assert {path for path in paths if re.search(example, path)} == public


def test_production_verifies_whom_it_tells_its_secrets(clean_environment, files):
    settings = settings_from(settings_of("production", files))
    (connection,) = [
        line.removeprefix("connection=")
        for line in secrets_of("production")
        if line.startswith("connection=")
    ]

    for url in (settings.database_url, connection):
        given = make_url(url).query
        assert given["sslmode"] == "verify-full"
        assert given["sslrootcert"].endswith("/database.pem")
    assert parse_broker_url(settings.broker_url).secure
    assert parse_broker_url(settings.broker_url).options["cafile"].endswith("/broker.pem")


@pytest.mark.parametrize("service", [*SERVICES, "migrate"])
def test_production_finds_its_authorities_where_its_urls_say(service):
    kind = "Job" if service == "migrate" else "Deployment"
    (pod,) = [
        each["spec"]["template"]["spec"]
        for each in rendered("production")
        if each["kind"] == kind and each["metadata"]["name"] == f"patchbay-{service}"
    ]
    volumes = {each["name"]: each for each in pod["volumes"]}
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == AUTHORITIES]

    assert mount["readOnly"] is True
    assert volumes[mount["name"]]["secret"] == {
        "secretName": "patchbay-authorities",
        "optional": True,
    }
    example = (KUBERNETES / "overlays/production/secrets.env.example").read_text()
    assert set(re.findall(r"(/[\w/]+)/\w+\.pem", example)) == {AUTHORITIES}


def test_production_keeps_what_several_processes_share_outside_of_them(clean_environment, files):
    settings = settings_from(settings_of("production", files))

    assert settings.storage_url.startswith("s3:")
    assert settings.queue_type == "quorum"
    assert settings.database_pool_size == load_settings().database_pool_size


@pytest.fixture
def files(tmp_path):
    """A folder with the files that production's URLs name."""
    for name in ("database.pem", "broker.pem"):
        (tmp_path / name).touch()
    return tmp_path


def pod_of(service):
    kind = "Job" if service == "migrate" else "Deployment"
    return named(kind, f"patchbay-{service}")["spec"]["template"]["spec"]


def containers(documents):
    for document in documents:
        if document["kind"] in ("Deployment", "Job"):
            yield from document["spec"]["template"]["spec"]["containers"]


def literals(folder):
    (kustomization,) = load(folder / "kustomization.yaml")
    return [line for each in kustomization["configMapGenerator"] for line in each["literals"]]


def secrets_of(overlay):
    """The lines of an overlay's Secrets: literals, and files that are to be filled in."""
    folder = KUBERNETES / "overlays" / overlay
    (kustomization,) = load(folder / "kustomization.yaml")
    for each in kustomization["secretGenerator"]:
        yield from each.get("literals", [])
        for name in each.get("envs", []):
            yield from (folder / name).read_text().splitlines()


def settings_of(overlay, files):
    """The variables that an overlay gives by ConfigMap and Secret; authorities are in `files`."""
    folder = KUBERNETES / "overlays" / overlay
    lines = [*literals(KUBERNETES / "base"), *literals(folder), *secrets_of(overlay)]
    found = dict(line.split("=", 1) for line in lines if line.startswith("PATCHBAY_"))
    return {name: value.replace(AUTHORITIES, str(files)) for name, value in found.items()}


def published(overlay):
    """The paths that an overlay's Ingress lets in."""
    (ingress,) = load(KUBERNETES / "overlays" / overlay / "ingress.yaml")
    return [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]


def leads(published_path, path):
    """Whether an Ingress lets a path in: `Prefix` goes by whole elements, as Kubernetes has it."""
    prefix = published_path["path"].rstrip("/")
    if published_path["pathType"] == "Exact":
        return path == prefix
    return path == prefix or path.startswith(f"{prefix}/")
