"""Problems in English and in Russian; their codes are the same."""

from collections.abc import Iterator

import pytest
from marshmallow import Schema, fields, validate

from services.intake.api.catalogue import CATALOGUE
from services.intake.api.languages import Language
from services.intake.api.translations import RUSSIAN, translate
from shared.schemas.ticket import CreateTicketSchema, TransitionSchema, UpdateTicketSchema
from tests.desk import Desk, ticket_body
from tests.problems import assert_problem

embedded = pytest.mark.parametrize("mode", ["embedded"], indirect=True)


@embedded
@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU, en;q=0.5", "ru"),
        ("de, ru;q=0.3, en;q=0.8", "en"),
        ("de", "en"),
        ("*", "en"),
        ("ru;q=0", "en"),
        ("nonsense;;q=x", "en"),
    ],
)
def test_the_language_is_the_one_preferred(desk: Desk, accepted: str, language: str) -> None:
    headers = {"Accept-Language": accepted}
    response = desk.call("POST", "/v1/tickets", {}, headers=headers)
    problem = assert_problem(response, 422, "invalid-input", ["/subject", "/requester"])
    assert response.headers["Content-Language"] == language
    assert response.headers["Vary"] == "Accept-Language"
    words = CATALOGUE["invalid-input"].title
    assert problem["title"] == (words.ru if language == "ru" else words.en)
    expected = RUSSIAN["Missing data for required field."]
    if language == "en":
        expected = "Missing data for required field."
    assert {error["detail"] for error in problem["errors"]} == {expected}


@embedded
def test_values_stay_in_what_is_translated(desk: Desk) -> None:
    body = ticket_body(subject="x" * 256, tags=["a"] * 51, team="nobody", priority="soon")
    headers = {"Accept-Language": "ru"}
    problem = assert_problem(desk.call("POST", "/v1/tickets", body, headers=headers), 422,
                             "invalid-input")  # fmt: skip
    details = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert details["/subject"] == "Длина должна быть от 1 до 255."
    assert details["/priority"] == "Допустимо одно из: critical, high, medium, low."
    assert problem["detail"] == "Не принято полей: 3."


@embedded
def test_a_detail_without_translation_is_english_and_the_header_says_so(desk: Desk) -> None:
    rules = [{"name": "a", "when": "1 +", "then": {}}]
    headers = {"Accept-Language": "ru"}
    response = desk.call("PUT", "/v1/routing/rules", {"rules": rules}, headers=headers)
    problem = assert_problem(response, 422, "invalid-input")
    assert problem["title"] == CATALOGUE["invalid-input"].title.ru
    assert response.headers["Content-Language"] == "ru, en"


@embedded
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/tickets", 405, "method-not-allowed"),
        ("POST", "/v1/tickets", 415, "unsupported-media-type"),
    ],
)
def test_what_the_framework_refuses_is_translated_too(
    desk: Desk, method: str, path: str, status: int, code: str
) -> None:
    response = desk.call(method, path, headers={"Accept-Language": "ru"})
    assert_problem(response, status, code)
    assert response.headers["Content-Language"] == "ru"


@embedded
def test_the_page_of_problems_exists_in_both(desk: Desk) -> None:
    for language in Language:
        page = desk.call("GET", "/docs/problems", headers={"Accept-Language": language.value})
        assert page.headers["Content-Language"] == language.value
        text = page.get_data(as_text=True)
        assert f'<html lang="{language.value}">' in text
        for code, entry in CATALOGUE.items():
            assert f'id="{code}"' in text
            assert entry.title.of(language) in text


def test_every_status_has_a_problem() -> None:
    statuses = {entry.status for entry in CATALOGUE.values()}
    wanted = {400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 415, 422, 428, 429, 500, 503}
    assert wanted <= statuses


def messages_of(schema: Schema) -> Iterator[str]:
    """Everything that marshmallow may say of the fields of a schema, with values filled in."""
    for field in schema.fields.values():
        yield from (str(text) for text in field.error_messages.values())
        for validator in field.validators:
            if isinstance(validator, validate.Length | validate.Range):
                for name in ("message_min", "message_max", "message_all", "message_equal"):
                    yield str(getattr(validator, name, "Invalid value."))
        if isinstance(field, fields.Nested):
            yield from messages_of(field.schema)
        if isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
            yield from messages_of(field.inner.schema)


def test_whatever_marshmallow_says_of_a_ticket_has_a_translation() -> None:
    schemas = (CreateTicketSchema(), UpdateTicketSchema(), TransitionSchema())
    said = {text for schema in schemas for text in messages_of(schema)}
    said -= {text for text in said if "{input}" in text}
    assert {text for text in said if translate(text, Language.RUSSIAN) is None} == set()


def test_translations_have_the_names_of_their_patterns() -> None:
    for english, russian in RUSSIAN.items():
        filled = translate(english, Language.RUSSIAN)
        assert filled == russian, english
