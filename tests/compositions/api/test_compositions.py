"""/api/v1/compositions: written, judged, compared, rolled back, taken over and given away."""

import json
from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from tests.compositions.workflows import asking, nested, task, workflow

URL = "/api/v1/compositions/page"
TEXT = """{
  "StartAt": "Ask", "States": {"Ask": {
    "Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true,
    "Parameters": {"ApiEndpoint": "target://catalog/items", "Method": "GET"}}}
}"""
OTHER = asking("catalog", TimeoutSeconds=1, Output="{% $states.result.ResponseBody %}")

pytestmark = pytest.mark.usefixtures("catalog")


def test_what_get_gives_can_be_put_back_as_object_and_as_text(admin_api: APIClient) -> None:
    made = admin_api.put(URL, {"definition": TEXT, "title": "Page"})
    assert made.status_code == 201
    assert made.json()["definition"] == json.loads(TEXT)
    assert admin_api.get(f"{URL}?as=text").json()["definition"] == TEXT
    for address in (URL, f"{URL}?as=text"):
        again = admin_api.put(URL, admin_api.get(address).json(), headers={"If-Match": made["ETag"]})
        assert (again.status_code, again.json(), again["ETag"]) == (200, made.json(), made["ETag"])
    assert admin_api.get(f"{URL}?as=yaml").status_code == 400
    listed = admin_api.get("/api/v1/compositions").json()
    assert [(each["slug"], each["version"], "findings" in each) for each in listed] == [("page", 1, False)]


def test_warnings_come_with_the_document_and_their_places(admin_api: APIClient) -> None:
    found = admin_api.put(URL, {"definition": TEXT}).json()["findings"]
    assert [(each["code"], each["severity"], each["line"]) for each in found] == [("whole_response", "warning", 2)]


def test_errors_refuse_with_path_line_and_column(admin_api: APIClient) -> None:
    refused = admin_api.put(URL, {"definition": TEXT.replace("catalog", "nowhere")})
    assert refused.status_code == 400
    problem = refused.json()["problems"][0]
    assert problem["path"] == "definition/States/Ask/Parameters/ApiEndpoint"
    assert (problem["code"], problem["line"], problem["column"]) == ("unknown_target", 4, 20)
    assert admin_api.get(URL).status_code == 404


def test_a_patch_replaces_the_definition(admin_api: APIClient) -> None:
    admin_api.put(URL, {"definition": TEXT})
    patched = admin_api.patch(URL, {"definition": OTHER, "deadline_ms": None})
    assert (patched.json()["definition"], patched.json()["version"]) == (OTHER, 2)
    assert patched.json()["deadline_ms"] == 10_000


def test_versions_are_listed_compared_and_rolled_back_to(admin_api: APIClient) -> None:
    admin_api.put(URL, {"definition": TEXT}, headers={"X-Reason": "first"})
    admin_api.put(URL, {"definition": OTHER}, headers={"X-Reason": "faster"})
    listed = admin_api.get(f"{URL}/versions").json()
    assert [(each["number"], each["reason"], each["stands"]) for each in listed] == [
        (2, "faster", True),
        (1, "first", False),
    ]
    assert admin_api.get(f"{URL}/versions/1").json()["definition"] == json.loads(TEXT)
    assert admin_api.get(f"{URL}/versions/1?as=text").json()["definition"] == TEXT
    assert admin_api.get(f"{URL}/versions/3").status_code == 404
    compared = admin_api.get(f"{URL}/diff").json()
    assert (compared["older"], compared["newer"], compared["states"]["changed"]) == (1, 2, ["/States/Ask"])
    back = admin_api.post(f"{URL}/rollback", {"version": 1, "reason": "wrong"})
    assert (back.status_code, back.json()["version"], back.json()["definition"]) == (200, 3, json.loads(TEXT))
    assert admin_api.get(f"{URL}/diff?older=1&newer=3").json()["unified"] == ""
    assert admin_api.get(f"{URL}/diff?older=x").status_code == 400
    assert admin_api.post(f"{URL}/rollback", {"version": 9}).status_code == 404


def test_versions_outlive_the_composition(admin_api: APIClient) -> None:
    admin_api.put(URL, {"definition": TEXT})
    assert admin_api.delete(URL).status_code == 204
    assert [each["stands"] for each in admin_api.get(f"{URL}/versions").json()] == [False]
    assert admin_api.get("/api/v1/compositions/other/versions").status_code == 404


def test_a_definition_is_checked_without_being_kept(admin_api: APIClient) -> None:
    checked = admin_api.post(f"{URL}/check", {"definition": TEXT}).json()
    assert checked["valid"]
    assert checked["reach"] == {
        "required": ["catalog"],
        "optional": [],
        "calls": {"catalog": 1},
        "uncounted": [],
        "compositions": [],
        "longest_s": 2,
    }
    wrong = admin_api.post(f"{URL}/check", {"definition": workflow(Ask=task("catalog", Next="Nowhere"))}).json()
    assert (wrong["valid"], wrong["reach"]) == (False, None)
    circle = admin_api.post(f"{URL}/check", {"definition": nested("page")}).json()
    assert [each["code"] for each in circle["findings"]] == ["circle"]
    assert admin_api.get("/api/v1/compositions").json() == []


def test_what_is_exported_is_imported_again(admin_api: APIClient) -> None:
    admin_api.put(URL, {"definition": TEXT, "title": "Page"})
    bare = admin_api.get(f"{URL}/export")
    assert bare.content.decode() == TEXT
    assert 'filename="page.asl.json"' in bare["Content-Disposition"]
    machine = admin_api.get(f"{URL}/export?form=state-machine").json()
    assert (machine["name"], machine["type"], machine["definition"]) == ("page", "EXPRESS", TEXT)
    for number, source in enumerate((TEXT, json.loads(TEXT), machine)):
        taken = admin_api.post(f"/api/v1/compositions/copy-{number}/import", {"source": source})
        assert (taken.status_code, taken.json()["definition"]) == (201, json.loads(TEXT)), taken.json()
        assert taken.json()["type"] == "EXPRESS"


def test_an_import_keeps_what_a_source_does_not_tell(admin_api: APIClient) -> None:
    admin_api.put(URL, {"definition": TEXT, "title": "Page", "deadline_ms": 700, "meta": True})
    taken = admin_api.post(f"{URL}/import", {"source": OTHER, "reason": "from the console"}).json()
    assert (taken["title"], taken["deadline_ms"], taken["meta"], taken["version"]) == ("Page", 700, True, 2)
    template = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"DefinitionString": TEXT.replace("catalog", "${Target}")},
    }
    refused = admin_api.post(f"{URL}/import", {"source": template})
    assert [problem["path"] for problem in refused.json()["problems"]] == ["source"]
    taken = admin_api.post(f"{URL}/import", {"source": template, "substitutions": {"Target": "catalog"}}).json()
    assert (taken["type"], taken["deadline_ms"], taken["definition"]) == ("STANDARD", None, json.loads(TEXT))


def test_everybody_checks_and_reads_and_who_configures_changes(
    client_of: Callable[[str], APIClient], admin_api: APIClient
) -> None:
    admin_api.put(URL, {"definition": TEXT})
    viewer = client_of("viewer")
    for address in (URL, f"{URL}/versions", f"{URL}/diff", f"{URL}/export"):
        assert viewer.get(address).status_code == 200
    assert viewer.post(f"{URL}/check", {"definition": TEXT}).status_code == 200
    for verb, address, body in (
        (viewer.put, URL, {"definition": TEXT}),
        (viewer.post, f"{URL}/rollback", {"version": 1}),
        (viewer.post, f"{URL}/import", {"source": TEXT}),
        (viewer.delete, URL, None),
    ):
        assert verb(address, body).status_code == 403
