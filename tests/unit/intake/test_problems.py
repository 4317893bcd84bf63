"""Nested messages become JSON Pointers."""

from services.intake.api.catalogue import CATALOGUE
from shared.domain import errors
from shared.schemas.refusal import pointers


def test_nested_messages_become_pointers() -> None:
    messages = {
        "subject": ["Missing."],
        "tags": {1: ["Not a slug."], 3: ["Too long.", "Not a slug."]},
        "requester": {"_schema": ["Give one."], "contacts": {0: {"value": ["Missing."]}}},
        "a/b~c": ["Unknown field."],
        "_schema": ["Not an object."],
    }
    found = [(each.pointer, each.detail) for each in pointers(messages, "")]
    assert found == [
        ("/subject", "Missing."),
        ("/tags/1", "Not a slug."),
        ("/tags/3", "Too long."),
        ("/tags/3", "Not a slug."),
        ("/requester", "Give one."),
        ("/requester/contacts/0/value", "Missing."),
        ("/a~1b~0c", "Unknown field."),
        ("", "Not an object."),
    ]


def test_every_error_has_a_status_of_its_own_code() -> None:
    def tree(root: type[errors.PatchbayError]) -> list[type[errors.PatchbayError]]:
        return [root, *(each for child in root.__subclasses__() for each in tree(child))]

    # A schema that does not fit ends a process at its start; no request ever meets it.
    codes = {each.code for each in tree(errors.PatchbayError)} - {"schema-behind", "schema-ahead"}
    assert codes - set(CATALOGUE) == set()
