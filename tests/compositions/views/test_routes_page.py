"""The routes page: one click moves a route, with a reason, protected against a second operator, with a way back."""

import pytest

from breakers.operations import targets
from compositions.models import Route
from compositions.operations import compositions, routes
from controlplane.audit.models import AuditEntry
from controlplane.config.commit import current_revision
from controlplane.kernel.access import Principal

SETUP = Principal.system("test")


@pytest.fixture
def search(db, valkey):
    for slug in ("monolith", "search"):
        targets.put(slug, {"base_url": "http://127.0.0.1:9"}, by=SETUP)
    document = {"path": "/search", "integration": {"type": "target", "target": "monolith", "path": "/old/search"}}
    return routes.put("search", document, by=SETUP)[0]


def post(client, path="/routes/search/", **fields):
    given = {
        "act": "move",
        "target": "search",
        "reason": "new service",
        "expected": str(current_revision("route", "search")),
    }
    return client.post(path, given | fields)


def test_everybody_may_look_and_only_who_configures_may_move(enter, search):
    viewer = enter("viewer")
    page = viewer.get("/routes/").content.decode()
    assert "GET /search" in page
    assert "Move" not in page
    assert post(viewer).status_code == 403


def test_a_route_is_moved_with_a_reason_and_its_path_is_kept(enter, search):
    assert post(enter("admin")).status_code == 302
    row = Route.objects.get()
    assert (row.target.slug, row.integration_path) == ("search", "/old/search")
    assert AuditEntry.objects.get(subject="route:search", action="route.patch").reason == "new service"


def test_without_a_reason_nothing_moves_and_the_choice_is_kept(enter, search):
    answer = post(enter("admin"), reason=" ")
    assert answer.status_code == 400
    assert '<option value="search" selected>' in answer.content.decode()
    assert Route.objects.get().target.slug == "monolith"


def test_a_route_is_disabled_and_enabled(enter, search):
    admin = enter("admin")
    post(admin, act="disable")
    assert not Route.objects.get().enabled
    post(admin, act="enable")
    assert Route.objects.get().enabled


def test_undo_goes_back_to_what_it_was(enter, search):
    admin = enter("admin")
    post(admin)
    assert "Undo" in admin.get("/routes/").content.decode()
    post(admin, "/routes/search/undo/")
    assert Route.objects.get().target.slug == "monolith"


def test_the_second_of_two_operators_is_told_what_the_first_did(enter, search):
    seen = str(current_revision("route", "search"))
    routes.patch("search", {"enabled": False}, by=SETUP, reason="it is broken")
    answer = post(enter("admin"), expected=seen)
    assert answer.status_code == 409
    assert "because “it is broken”" in answer.content.decode()
    assert Route.objects.get().target.slug == "monolith"


def test_an_unknown_target_is_refused_in_words(enter, search):
    answer = post(enter("admin"), target="nowhere")
    assert answer.status_code == 400
    assert "There is no target" in answer.content.decode()


def test_a_route_is_moved_to_a_composition_and_back(enter, search):
    definition = {"StartAt": "Note", "States": {"Note": {"Type": "Succeed"}}}
    compositions.put("front-page", {"title": "Front page", "definition": definition}, by=SETUP)
    compositions.put("slow", {"type": "STANDARD", "definition": definition}, by=SETUP)
    admin = enter("admin")
    page = admin.get("/routes/").content.decode()
    assert '<option value="composition:front-page">Front page</option>' in page
    assert "composition:slow" not in page, "STANDARD answers nobody at once"
    seen = str(current_revision("route", "search"))
    form = {"act": "move", "target": "composition:front-page", "reason": "one page", "expected": seen}
    moved = admin.post("/routes/search/", form, follow=True)
    assert "goes to composition front-page now" in moved.content.decode()
    row = Route.objects.get()
    assert (row.target, row.composition.slug, row.integration_path) == (None, "front-page", "")
    assert '<option value="composition:front-page" selected>' in moved.content.decode()
    assert admin.get("/routes/search/limits/").status_code == 200
    admin.post("/routes/search/undo/", {"expected": str(current_revision("route", "search"))})
    assert Route.objects.get().target.slug == "monolith"
