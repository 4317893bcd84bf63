"""Writes tests/deploy/schemas: of the published schemas, what our manifests use.

    pip install --no-deps --target var/schemas kubernetes-validate==1.37.0 docker-compose==1.29.2
    python -m tests.deploy.write_schemas var/schemas

They come from PyPI: `kubernetes-validate` has the schemas of every release of the API with unknown
fields forbidden, `docker-compose` the Compose specification of its time. Both are under the Apache
licence 2.0. Descriptions are left out, and so are kinds that we have not.
"""

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "schemas"
KUBERNETES = "1.33"
KINDS = (
    "ConfigMap",
    "Deployment",
    "Ingress",
    "Job",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Secret",
    "Service",
    "ServiceAccount",
)


def kubernetes(installed: Path) -> dict[str, Any]:
    """Return one schema a kind and the definitions they use."""
    releases = installed / "kubernetes_validate/kubernetes-json-schema"
    folder = releases / f"v{KUBERNETES}.0-local-strict"
    known = json.loads((folder / "_definitions.json").read_text())["$defs"]
    kinds = {
        group["kind"]: name
        for name, schema in known.items()
        for group in schema.get("x-kubernetes-group-version-kind", [])
        if group["kind"] in KINDS and group["version"] == "v1" and name.endswith(group["kind"])
    }
    found: dict[str, Any] = {}
    fresh = set(kinds.values())
    while fresh:
        found |= {name: _bare(known[name]) for name in fresh}
        fresh = set().union(*(_references(found[name]) for name in fresh)) - set(found)
    return {
        "$defs": dict(sorted(found.items())),
        "kinds": {kind: f"#/$defs/{name}" for kind, name in sorted(kinds.items())},
    }


def _bare(schema: Any) -> Any:
    """Return a schema without descriptions and with references that stay inside the file."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # A property may be called `description`; then its value is a schema and no text.
    left = {
        name: _bare(value)
        for name, value in schema.items()
        if not (name == "description" and isinstance(value, str))
        and not name.startswith("x-kubernetes-")
    }
    if "$ref" in left:
        left["$ref"] = "#/$defs/" + left["$ref"].rpartition("/")[2]
    return left


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_references, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set()
    return own.union(*map(_references, schema.values()))


def main() -> None:
    """Write both schemas from packages installed in the folder that the command line names."""
    installed = Path(sys.argv[1])
    compose = json.loads((installed / "compose/config/compose_spec.json").read_text())
    for name, schema in (("kubernetes", kubernetes(installed)), ("compose", compose)):
        (FOLDER / f"{name}.json").write_text(json.dumps(schema, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
