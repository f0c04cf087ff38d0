"""Whatever is sent to the addresses of compositions, the answer is the promised document or a problem, no fault."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from tests.compositions.workflows import asking, express, nested, task, workflow

pytestmark = pytest.mark.usefixtures("catalog")
OFTEN = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
words = st.sampled_from(
    ["", "a", "EXPRESS", "STANDARD", "target://catalog/x", "{% $x %}", "$.a", "\u0000", "\ud800", "é"]
)
scalars = st.none() | st.booleans() | st.integers(-3, 400_000) | st.floats() | words
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
names = ("States", "StartAt", "Type", "Resource", "Branches", "Retry", "Catch", "Arguments", "Next", "End", "Comment")
machines = st.sampled_from([asking("catalog"), express("catalog", "catalog"), nested("page"), workflow(A=task("b"))])


@st.composite
def damaged(draw: Callable[..., Any]) -> Any:
    """A definition with something odd in a place of it."""
    definition = json.loads(json.dumps(draw(machines)))
    place = definition
    for _ in range(draw(st.integers(0, 6))):
        inner = [each for each in place.values() if isinstance(each, dict) and each]
        if not inner:
            break
        place = draw(st.sampled_from(inner))
    place[draw(st.sampled_from(names))] = draw(anything)
    return definition


definitions = machines | damaged() | damaged().map(json.dumps) | anything
bodies = st.fixed_dictionaries(
    {"definition": definitions},
    optional={
        "type": scalars,
        "deadline_ms": scalars,
        "max_stale_s": scalars,
        "meta": scalars,
        "tags": anything,
        "title": words,
        "version": scalars,
        "colour": words,
    },
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("schema") / "schema.json"
    call_command("spectacular", "--format", "openapi-json", "--file", str(path))
    return nullable(json.loads(path.read_text()))


def nullable(schema: Any) -> Any:
    """OpenAPI 3.0 in the words of JSON Schema, which has no `nullable`."""
    if isinstance(schema, list):
        return [nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: nullable(inner) for name, inner in schema.items() if name != "nullable"}
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") is True else found


def agree(schema: dict[str, Any], method: str, address: str, answer: Any) -> None:
    """The answer has a shape that the OpenAPI document promises."""
    assert answer.status_code < 500, answer.content
    described = schema["paths"][f"/api/v1/{address}"][method]["responses"]
    response = described.get(str(answer.status_code), described["default"])
    wanted = next(iter(response["content"].values()))["schema"]
    Draft202012Validator({**wanted, "components": schema["components"]}).validate(answer.json())


def send(client: APIClient, method: str, address: str, body: Any) -> Any:
    return client.generic(method, address, json.dumps(body), content_type="application/json")


@given(body=bodies)
@OFTEN
def test_put_keeps_what_get_gives_or_says_what_is_wrong(admin_api: APIClient, schema: Any, body: Any) -> None:
    url = "/api/v1/compositions/page"
    answer = send(admin_api, "PUT", url, body)
    agree(schema, "put", "compositions/{slug}", answer)
    if answer.status_code < 300:
        again = admin_api.get(url)
        assert send(admin_api, "PUT", url, again.json()).json() == again.json()
    else:
        assert answer.json()["problems"]


@given(body=bodies)
@OFTEN
def test_a_check_answers_any_definition(admin_api: APIClient, schema: Any, body: Any) -> None:
    answer = send(admin_api, "POST", "/api/v1/compositions/page/check", body)
    agree(schema, "post", "compositions/{slug}/check", answer)


@given(source=definitions | st.fixed_dictionaries({"Type": words, "Properties": anything}) | words)
@OFTEN
def test_an_import_reads_any_source(admin_api: APIClient, schema: Any, source: Any) -> None:
    answer = send(admin_api, "POST", "/api/v1/compositions/other/import", {"source": source})
    agree(schema, "post", "compositions/{slug}/import", answer)
