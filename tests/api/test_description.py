"""The description of the API shows examples that are what it says, and where to go from them."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from tests.desk import Desk

pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)

Document = dict[str, Any]


@pytest.fixture
def document(desk: Desk) -> Document:
    return dict(desk.ok("GET", "/openapi.json"))


def examples(node: Any, place: str) -> Iterator[tuple[str, Document, Any]]:
    """Yield every schema that has an example, and the example."""
    if isinstance(node, dict):
        schema = node.get("schema")
        if isinstance(schema, dict) and "example" in node:
            yield place, schema, node["example"]
        if "example" in node and not isinstance(schema, dict):
            yield place, {k: v for k, v in node.items() if k != "example"}, node["example"]
        for name, inner in node.items():
            if name != "example":
                yield from examples(inner, f"{place}/{name}")
    if isinstance(node, list):
        for index, inner in enumerate(node):
            yield from examples(inner, f"{place}/{index}")


def test_every_example_is_valid_against_its_schema(document: Document) -> None:
    found = list(examples(document, ""))
    assert len(found) > 50
    for place, schema, example in found:
        whole = {**schema, "components": document["components"]}
        errors = [e.message for e in jsonschema_rs.Draft202012Validator(whole).iter_errors(example)]
        assert not errors, f"{place}: {errors}"


def test_what_is_made_leads_to_what_can_be_done_with_it(document: Document) -> None:
    links = document["paths"]["/v1/tickets"]["post"]["responses"]["201"]["links"]
    assert {"get", "patch", "post-comments", "put-resolution"} <= set(links)
    for item in document["paths"].values():
        for link in (
            item.get("post", {}).get("responses", {}).get("201", {}).get("links", {}).values()
        ):
            path, _, method = link["operationRef"].removeprefix("#/paths/").rpartition("/")
            assert method in document["paths"][path.replace("~1", "/")]
