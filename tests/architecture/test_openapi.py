"""The API's description is valid, complete, and says of every operation how it can fail."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from shared.schemas.events import CATALOGUE
from shared.schemas.operational_events import OPERATIONAL
from tests.desk import Desk

pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)

METHODS = {"get", "post", "put", "patch", "delete"}
WITH_BODY = {"post", "put", "patch"}


@pytest.fixture
def document(desk: Desk) -> dict[str, Any]:
    return dict(desk.ok("GET", "/openapi.json"))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


def test_its_frame_is_that_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    assert set(document) <= {
        "openapi", "info", "servers", "paths", "webhooks", "components", "security", "tags",
        "jsonSchemaDialect", "externalDocs",
    }  # fmt: skip
    assert all(path.startswith("/") for path in document["paths"])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(document)):
        assert reference.startswith("#/")
        place: Any = document
        for step in reference[2:].split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]


def test_every_parameter_of_a_path_is_declared(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            declared = {
                parameter["name"]
                for parameter in [*item.get("parameters", []), *item[method].get("parameters", [])]
                if parameter.get("in") == "path"
            }
            assert declared == set(re.findall(r"{(\w+)}", path)), (method, path)


#: A PUT to a name that may be new.
MAKES_WHAT_IS_NOT_THERE = {
    ("put", "/v1/routing/profiles/{name}"),
    ("put", "/v1/sla-policies/{name}"),
}


def test_every_operation_documents_its_problems(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        responses = operation["responses"]
        expected = {"401", "403", "503"}
        if "{" in path and (method, path) not in MAKES_WHAT_IS_NOT_THERE:
            expected |= {"404"}
        if method in WITH_BODY:
            expected |= {"400", "413", "415", "422"}
        if operation["security"] == [{"upload": []}]:
            # The token is in the URL; who has none has no URL.
            expected -= {"401"}
        if operation["security"] == [{}]:
            # A link that leads nowhere is 404, and no key is asked for.
            expected -= {"401", "403"}
        assert expected - set(responses) == set(), (method, path)
        for status, response in responses.items():
            if status.isdigit() and int(status) >= 400:
                assert set(response["content"]) == {"application/problem+json"}, (path, status)


def test_every_operation_says_who_may_call_it_and_what_it_does(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation.get("summary"), (method, path)
        [requirement] = operation["security"]
        assert set(requirement) <= set(document["components"]["securitySchemes"])
        assert any(status.startswith("2") for status in operation["responses"])
        assert ("requestBody" in operation) == (method in WITH_BODY), (method, path)


def test_no_two_operations_have_the_same_id(document: dict[str, Any]) -> None:
    ids = [o["operationId"] for _, _, o in operations(document) if "operationId" in o]
    assert len(ids) == len(set(ids))


def test_every_path_of_the_application_is_described(desk: Desk, document: dict[str, Any]) -> None:
    served = {
        re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule)
        for rule in desk.app.url_map.iter_rules()
        if rule.rule.startswith("/v1")
    }
    assert served == set(document["paths"])


def test_every_event_is_described_as_a_webhook(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == {each.value for each in (*CATALOGUE, *OPERATIONAL)}


def test_the_docs_page_needs_nothing_from_elsewhere(desk: Desk) -> None:
    page = desk.call("GET", "/docs").get_data(as_text=True)
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links
    for link in links:
        assert link.startswith("/")
        with desk.call("GET", link) as response:
            assert response.status_code == 200, link


def test_metrics_and_probes_need_no_key(desk: Desk) -> None:
    client = desk.app.test_client()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ok"}
    assert b"patchbay_http_requests_total" in client.get("/metrics").data
