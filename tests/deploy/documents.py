"""The deployment's documents as tests read them, and what they are judged by."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
OVERLAYS = ("small", "production")
SERVICES = ("intake", "router", "notifier")
SCHEMAS = Path(__file__).parent / "schemas"

#: Kinds of others than Kubernetes; their schemas are not among ours.
FOREIGN_KINDS = ("Kustomization", "ScaledObject", "TriggerAuthentication")


def load(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file; a key that is there twice is an error."""
    return list(yaml.load_all(path.read_text(), Loader=_Strict))


def manifests() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every document as it is written, before kustomize."""
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        for document in load(path):
            yield path, document


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [document for _, document in manifests() if document["kind"] == kind]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(each for each in of_kind(kind) if each["metadata"]["name"] == name)


@cache
def rendered(overlay: str) -> list[dict[str, Any]]:
    """What `kubectl apply` would send; callers must not change it.

    Skips where neither kustomize nor kubectl is installed.
    """
    folder = KUBERNETES / "overlays" / overlay
    if kustomize := shutil.which("kustomize"):
        command = [kustomize, "build", folder]
    elif kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize", folder]
    else:
        pytest.skip("neither kustomize nor kubectl is installed")
    # No cluster is asked, and none is to be found.
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "KUBECONFIG": "/dev/null"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def kubernetes_problems(document: Mapping[str, Any]) -> list[str]:
    """What the API's own schema says against a document; unknown fields too."""
    known = json.loads((SCHEMAS / "kubernetes.json").read_text())
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": known["$defs"],
        "$ref": known["kinds"][document["kind"]],
    }
    return _problems(schema, document)


def compose_problems(document: Mapping[str, Any]) -> list[str]:
    """What the Compose specification says against a document."""
    return _problems(json.loads((SCHEMAS / "compose.json").read_text()), document)


def _problems(schema: dict[str, Any], document: Mapping[str, Any]) -> list[str]:
    errors = jsonschema_rs.validator_for(schema).iter_errors(document)
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in errors]


class _Strict(yaml.SafeLoader):
    """YAML's loader, which would keep the last of two equal keys without a word."""

    def construct_mapping(self, node: Any, *deep: Any, **named: Any) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"a key is there twice: {keys}, {node.start_mark}"
        return super().construct_mapping(node, *deep, **named)
