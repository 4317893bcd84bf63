"""The catalogue says what is sent."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from services.intake.event_catalogue import catalogue
from shared.domain.event import EventType, OperationalEventType

GOLDEN = sorted((Path(__file__).parents[2] / "contract" / "golden").glob("*.json"))


def test_it_has_every_type() -> None:
    assert set(catalogue()) == set(EventType) | set(OperationalEventType)


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_an_example_is_what_its_schema_allows(name: str) -> None:
    entry = catalogue()[name]
    jsonschema_rs.Draft202012Validator(entry["schema"], validate_formats=True).validate(
        entry["example"]
    )
    assert entry["example"]["type"] == name
    assert entry["example"]["version"] == entry["version"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_event_that_was_sent_is_what_its_schema_allows(path: Path) -> None:
    event = json.loads(path.read_text())
    schema = catalogue()[event["type"]]["schema"]
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    validator.validate(event)
    validator.validate({**event, "added_later": True})
    with pytest.raises(jsonschema_rs.ValidationError):
        validator.validate({**event, "version": 2})
    del event["data"]["ticket"]["subject"]
    with pytest.raises(jsonschema_rs.ValidationError):
        validator.validate(event)


def test_the_guide_for_receivers_names_every_type() -> None:
    guide = (Path(__file__).parents[3] / "docs/webhooks.md").read_text()
    table = guide.partition("| type | when |")[2]
    assert [name for name in catalogue() if f"`{name}`" not in table] == []
