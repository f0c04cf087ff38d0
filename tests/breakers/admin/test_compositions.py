"""Compositions in the back office: the author's text stays, problems have their line, advice is told on saving."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from breakers.models import Target
from breakers.operations import targets
from compositions.models import Composition, CompositionVersion, Route
from compositions.operations import compositions
from controlplane.kernel.access import Principal
from tests.breakers.admin.examples import WORKFLOW
from tests.breakers.admin.forms import errors_of

SYSTEM = Principal.system("test")
Form = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def catalog(db: None) -> Target:
    return targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)[0]


def address(row: Composition) -> str:
    return f"/admin/compositions/composition/{row.pk}/change/"


def test_the_text_stays_byte_for_byte_while_nobody_changes_it(office: Client, form_of: Form) -> None:
    text = f"\n{WORKFLOW}\r\n\r\n"
    row, _ = compositions.put("page", {"definition": text}, by=SYSTEM)
    sent = form_of(office.get(address(row)), title="Page")
    sent["definition"] = sent["definition"].replace("\r\n", "\n").replace("\n", "\r\n")  # as browsers send it
    assert office.post(address(row), sent).status_code == 302
    row.refresh_from_db()
    assert (row.title, row.definition, row.version) == ("Page", text, 1)


def test_a_problem_is_told_with_its_line_and_a_warning_with_its_place(office: Client, form_of: Form) -> None:
    row, _ = compositions.put("page", {"definition": WORKFLOW}, by=SYSTEM)
    opened = office.get(address(row))
    wrong = office.post(address(row), form_of(opened, definition=WORKFLOW.replace("catalog", "nowhere")))
    assert errors_of(wrong)["definition"][0].startswith("Line 3, column 26: There is no target “nowhere”.")
    saved = office.post(address(row), form_of(opened, definition=WORKFLOW.replace("/items", "/all")), follow=True)
    assert any(message.message.startswith("/States/Ask: The whole response") for message in saved.context["messages"])
    assert CompositionVersion.objects.filter(composition="page").count() == 2


def test_a_route_goes_to_a_composition_and_what_belongs_to_a_target_is_left_out(
    office: Client, form_of: Form, catalog: Target
) -> None:
    row, _ = compositions.put("page", {"definition": json.loads(WORKFLOW)}, by=SYSTEM)
    add = "/admin/compositions/route/add/"
    sent = form_of(office.get(add), slug="page", methods="GET", path="/page", integration_path="/left/over")
    sent |= {"target": catalog.pk, "integration_type": "composition"}
    refused = office.post(add, sent)
    assert list(errors_of(refused)) == ["composition"]
    assert office.post(add, sent | {"composition": row.pk}).status_code == 302
    route = Route.objects.get()
    assert (route.target, route.composition, route.integration_path) == (None, row, "")
