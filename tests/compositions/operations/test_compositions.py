"""Compositions keep their author's text, and every definition that they ever had."""

import json
from typing import Any

import pytest

from breakers.impact import dependents
from breakers.operations import targets
from breakers.routes import known
from compositions.compiling import pieces
from compositions.documents.compositions import document
from compositions.models import Composition, CompositionVersion
from compositions.operations import compositions, routes
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, Invalid, NotFound
from tests.compositions.workflows import asking, express, nested, workflow

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system("test")
TEXT = """{
  "StartAt": "Ask",
  "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true,
    "Parameters": {"ApiEndpoint": "target://catalog/items", "Method": "GET"}}}
}
"""


@pytest.fixture(autouse=True)
def catalog(db: None) -> None:
    for slug in ("catalog", "search"):
        targets.put(slug, {"base_url": f"http://{slug}.example.com"}, by=SYSTEM)


def put(slug: str = "page", definition: Any = TEXT, **rest: Any) -> Composition:
    return compositions.put(slug, {"definition": definition, **rest}, by=SYSTEM, reason=rest.get("title", ""))[0]


def versions(slug: str = "page") -> list[int]:
    return list(CompositionVersion.objects.filter(composition=slug).values_list("number", flat=True))


def refusal(**stated: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        compositions.put("page", {"definition": TEXT, **stated}, by=SYSTEM)
    return [(problem.path, problem.code) for problem in refused.value.problems]


def test_defaults_are_an_express_workflow_with_ten_seconds() -> None:
    assert document(put()) == {
        "slug": "page",
        "title": "",
        "description": "",
        "tags": [],
        "type": "EXPRESS",
        "definition": json.loads(TEXT),
        "deadline_ms": 10_000,
        "max_stale_s": None,
        "meta": False,
        "version": 1,
    }


def test_the_text_is_kept_as_it_was_written_and_an_object_is_laid_out() -> None:
    assert put().definition == TEXT
    assert put("other", json.loads(TEXT)).definition == json.dumps(json.loads(TEXT), indent=2)


def test_putting_back_what_was_read_changes_nothing() -> None:
    before = put()
    again, created = compositions.put("page", document(before), by=SYSTEM)
    assert (again.definition, again.version, created) == (TEXT, 1, False)
    assert AuditEntry.objects.filter(subject="composition:page").count() == 1
    assert versions() == [1]


def test_each_changed_definition_is_a_version_and_nothing_else_is() -> None:
    put()
    put(title="Page", deadline_ms=500)
    assert versions() == [1]
    changed = put(definition=asking("search"), title="Page")
    assert (changed.version, versions()) == (2, [2, 1])
    assert compositions.find_version("page", 1).definition == TEXT
    assert compositions.find_version("page", 2).reason == "Page"
    with pytest.raises(NotFound):
        compositions.find_version("page", 3)


def test_a_rollback_lets_an_earlier_definition_stand_again_as_a_new_version() -> None:
    put()
    put(definition=asking("search"))
    row = compositions.rollback("page", 1, by=SYSTEM, reason="slow")
    assert (row.definition, row.version) == (TEXT, 3)
    assert AuditEntry.objects.order_by("-number")[0].action == "composition.rollback"


def test_a_rollback_takes_the_type_of_that_time() -> None:
    put(deadline_ms=700)
    put(type="STANDARD")
    row = compositions.rollback("page", 1, by=SYSTEM)
    assert (row.type, row.deadline_ms, versions()) == ("EXPRESS", 10_000, [3, 2, 1])


def test_a_patch_replaces_the_definition_as_a_whole_and_null_in_it_is_a_value() -> None:
    put()
    wanted = {"StartAt": "Note", "States": {"Note": {"Type": "Pass", "ResultPath": None, "End": True}}}
    row = compositions.patch("page", {"definition": wanted, "meta": True}, by=SYSTEM)
    assert (json.loads(row.definition), row.meta) == (wanted, True)


def test_numbers_are_not_given_twice_though_the_composition_was_deleted() -> None:
    put()
    compositions.delete("page", by=SYSTEM)
    assert put().version == 2
    assert versions() == [2, 1]


@pytest.mark.parametrize(
    ("stated", "path", "code"),
    [
        ({"definition": 5}, "definition", "invalid"),
        ({"definition": "{"}, "definition", "INVALID_JSON_DESCRIPTION"),
        ({"definition": {"States": {}}}, "definition", "SCHEMA_VALIDATION_FAILED"),
        ({"definition": workflow(A={"Type": "Pass", "Next": "B"})}, "definition/States/A/Next", ""),
        ({"definition": asking("nowhere")}, "definition/States/Ask/Arguments/ApiEndpoint", "unknown_target"),
        ({"definition": nested("nothing")}, "definition/States/Run/Arguments/StateMachineArn", "unknown_composition"),
        ({"type": "express"}, "type", "invalid_choice"),
        ({"deadline_ms": 0}, "deadline_ms", "min_value"),
        ({"deadline_ms": 300_001}, "deadline_ms", "max_value"),
        ({"type": "STANDARD", "deadline_ms": 10}, "deadline_ms", "unknown_field"),
        ({"max_stale_s": -1}, "max_stale_s", "min_value"),
        ({"tags": ["a", "a"]}, "tags", "duplicate"),
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"definition": TEXT.replace('"GET"', "1e999")}, "definition", "invalid"),
        ({"definition": TEXT.replace("GET", "\\ud800")}, "definition", "invalid"),
        ({"definition": TEXT.replace("GET", "\\u0000")}, "definition", "invalid"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_with_its_place(stated: dict[str, Any], path: str, code: str) -> None:
    found = refusal(**stated)
    assert path in {place for place, _ in found}, found
    assert not code or (path, code) in found
    assert not Composition.objects.exists()


def test_a_problem_in_a_text_has_its_line_and_column() -> None:
    with pytest.raises(Invalid) as refused:
        put(definition=TEXT.replace("catalog", "nowhere"))
    problem = refused.value.problems[0]
    assert (problem.line, problem.column) == (4, 20)
    assert refused.value.document()["problems"][0]["line"] == 4


def test_only_an_express_composition_stands_behind_a_route() -> None:
    put()
    to = {"type": "composition", "composition": "page"}
    row, _ = routes.put("page", {"path": "/page", "integration": to}, by=SYSTEM)
    assert (row.target, row.composition.slug) == (None, "page")
    assert refusal(type="STANDARD") == [("type", "in_use")]
    put("slow", type="STANDARD")
    with pytest.raises(Invalid) as refused:
        routes.patch("page", {"integration": {"composition": "slow"}}, by=SYSTEM)
    assert [problem.code for problem in refused.value.problems] == ["not_express"]


def test_a_route_is_moved_from_a_target_to_a_composition_and_back_by_a_patch() -> None:
    put()
    routes.put("page", {"path": "/page", "integration": {"type": "target", "target": "search"}}, by=SYSTEM)
    to = {"type": "composition", "composition": "page"}
    assert routes.patch("page", {"integration": to}, by=SYSTEM).composition.slug == "page"
    back = routes.patch("page", {"integration": {"type": "target", "target": "search"}}, by=SYSTEM)
    assert (back.composition, back.target.slug) == (None, "search")


def test_a_type_that_other_compositions_need_is_kept() -> None:
    put()
    put("outer", nested("page"))
    with pytest.raises(Invalid) as refused:
        put(type="STANDARD")
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [("type", "in_use")]
    assert "outer" in refused.value.problems[0].message


def test_a_composition_that_is_named_is_not_deleted() -> None:
    put()
    put("outer", nested("page"))
    routes.put("page", {"path": "/p", "integration": {"type": "composition", "composition": "page"}}, by=SYSTEM)
    with pytest.raises(Conflict) as refused:
        compositions.delete("page", by=SYSTEM)
    users = [("route", "page"), ("composition", "outer")]
    assert [(user["kind"], user["slug"]) for user in refused.value.extra["used_by"]] == users


def test_what_a_composition_calls_counts_for_its_routes_and_is_told_of_its_targets() -> None:
    put(definition=express("catalog", "catalog", "search"), title="Page")
    put("outer", nested("page"), title="Outer")
    routes.put("page", {"path": "/p", "integration": {"type": "composition", "composition": "outer"}}, by=SYSTEM)
    assert known()[0].calls == {"catalog": 2, "search": 1}
    assert [str(each) for each in dependents("search")] == ["route page", "composition outer", "composition page"]
    with pytest.raises(Conflict):
        targets.delete("search", by=SYSTEM)


def test_it_is_compiled_to_a_piece_of_its_own() -> None:
    row = put()
    found = [piece for piece in pieces() if piece.kind == "composition"]
    assert [(piece.slug, piece.body) for piece in found] == [("page", document(row) | {"definition": TEXT})]
