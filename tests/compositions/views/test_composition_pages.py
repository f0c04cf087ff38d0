"""Compositions in a browser: found, looked at, written, checked, previewed, saved, compared, rolled back, deleted."""

import json
import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compositions.models import Composition, CompositionRun, Execution, RunMinute
from compositions.operations import compositions, routes
from compositions.runs import figures
from compositions.starts import STARTS
from controlplane.audit.models import AuditEntry
from controlplane.config.commit import current_revision
from controlplane.kernel import clock
from tests.compositions.views.written import SETUP, definition, page, text
from tests.compositions.workflows import nested

__all__ = ["page"]

CHANGE = "/compositions/article-page/change/"


def form(**fields):
    given = {
        "title": "Article page",
        "description": "",
        "tags": "",
        "type": "EXPRESS",
        "deadline_ms": "",
        "max_stale_s": "",
        "definition": text(),
        "expected": str(current_revision("composition", "article-page")),
        "composition": "article-page",
        "act": "preview",
    }
    return given | fields


def shown(answer):
    return answer.content.decode()


def test_the_list_says_whom_each_calls_and_who_uses_it(enter, page):
    assert "article-page" in shown(enter("viewer").get("/compositions/"))
    routes.put(
        "pages",
        {"path": "/pages/{id}", "integration": {"type": "composition", "composition": "article-page"}},
        by=SETUP,
    )
    found = shown(enter("admin").get("/compositions/?q=article"))
    assert "can do without" in found
    assert 'route <a href="/routes/#route-pages">pages</a>' in found
    assert "No composition fits" in shown(enter("operator").get("/compositions/?q=nothing"))


def test_an_empty_list_says_how_to_begin(enter):
    found = shown(enter("admin").get("/compositions/"))
    assert "There is no composition yet" in found
    for name in STARTS:
        assert f"?begin={name}" in found


def test_a_page_shows_the_diagram_the_circuits_and_a_state(enter, page):
    client = enter("viewer")
    found = shown(client.get("/compositions/article-page/"))
    assert "<svg" in found
    assert 'style="' not in found
    assert "no answer" in found
    assert "a partial answer" in found
    assert 'href="/compositions/article-page/change/"' not in found
    path = "/States/Gather/Branches[0]/States/Get article"
    found = shown(client.get("/compositions/article-page/", {"state": path}))
    assert '<section id="state"' in found
    assert "target://articles/items" in found
    live = client.get("/compositions/article-page/", headers={"HX-Request": "true"})
    assert shown(live).startswith('<div id="live"')
    assert client.get("/compositions/nothing/").status_code == 404


def test_only_who_configures_may_write(enter, page):
    operator = enter("operator")
    assert operator.get(CHANGE).status_code == 403
    assert operator.post(CHANGE, form()).status_code == 403
    assert operator.get("/compositions/-/new/").status_code == 403


@pytest.mark.parametrize("name", STARTS)
def test_every_starting_point_can_be_saved_as_it_is(enter, page, name):
    client = enter("admin")
    opened = shown(client.get(f"/compositions/-/new/?begin={name}"))
    assert "It can be saved" in opened
    start = re.search(r"<textarea name=\"definition\"[^>]*>(.*?)</textarea>", opened, re.S)[1]
    sent = form(slug=f"from-{name}", type=STARTS[name].type, definition=unescape(start), expected="0", composition="")
    answer = client.post("/compositions/-/new/", sent | {"act": "save", "reason": "a start"})
    assert answer.status_code == 302, shown(answer)
    assert Composition.objects.get(slug=f"from-{name}").type == STARTS[name].type


def test_a_problem_is_told_with_its_line_while_one_types_and_without_a_script(enter, page):
    client = enter("admin")
    wrong = text().replace('"StartAt": "Get bonus"', '"StartAt": "Nowhere"')
    line = next(number for number, each in enumerate(wrong.splitlines(), 1) if "Nowhere" in each)
    for answer in (
        client.post("/compositions/-/check/", form(definition=wrong)),
        client.post(CHANGE, form(definition=wrong, act="check")),
    ):
        assert answer.status_code == 200
        assert f'data-line="{line}"' in shown(answer)
        assert "2 problems to mend" in shown(answer)
    refused = client.post(CHANGE, form(definition=wrong))
    assert refused.status_code == 400
    assert "what is wrong is listed below" in shown(refused)
    assert Composition.objects.get().version == 1


def test_a_text_that_is_no_json_points_to_where_it_breaks(enter, page):
    answer = enter("admin").post("/compositions/-/check/", form(definition='{\n  "StartAt": \n}'))
    assert 'data-line="3"' in shown(answer)


def test_a_change_is_previewed_with_its_lines_and_saved_with_a_reason(enter, page):
    client = enter("admin")
    changed = text(Comment="Without a bonus").replace("target://loyalty/items", "target://articles/bonus")
    preview = shown(client.post(CHANGE, form(definition=changed)))
    assert "no longer calls" in preview
    assert "Without a bonus" in preview
    assert Composition.objects.get().version == 1
    assert "Say why" in shown(client.post(CHANGE, form(definition=changed, act="save")))
    # Forms send line ends in pairs; the text is kept as it was written.
    sent = form(definition=changed.replace("\n", "\r\n"), act="save", reason="bonus is gone")
    assert client.post(CHANGE, sent).status_code == 302
    row = Composition.objects.get()
    assert (row.version, row.definition) == (2, changed)
    assert AuditEntry.objects.filter(subject="composition:article-page", reason="bonus is gone").exists()


def test_the_second_of_two_is_told_what_the_first_changed(enter, page):
    stale = form(title="Mine", act="save", reason="mine")
    compositions.patch("article-page", {"title": "Theirs"}, by=SETUP, reason="theirs")
    answer = enter("admin").post(CHANGE, stale)
    assert answer.status_code == 409
    assert "because “theirs”" in shown(answer)
    assert Composition.objects.get().title == "Theirs"


def test_versions_are_compared_and_an_earlier_one_stands_again(enter, page):
    compositions.patch("article-page", {"definition": definition(Comment="Second")}, by=SETUP, reason="try")
    client = enter("admin")
    found = shown(client.get("/compositions/article-page/versions/"))
    assert "From version 1 to 2" in found
    assert 'class="new"' in found
    assert client.get("/compositions/article-page/versions/?new=9").status_code == 404
    back = {"version": "1", "new": "1", "old": "1", "expected": str(current_revision("composition", "article-page"))}
    url = "/compositions/article-page/versions/rollback/"
    assert "Say why" in shown(client.post(url, back))
    assert client.post(url, back | {"reason": "it was better"}).status_code == 302
    row = Composition.objects.get()
    assert row.version == 3
    assert "Comment" not in json.loads(row.definition)
    assert enter("operator").post(url, back | {"reason": "no"}).status_code == 403


def test_a_definition_goes_out_and_comes_in_as_a_file(enter, page):
    client = enter("admin")
    out = client.get("/compositions/article-page/export/")
    assert out["Content-Disposition"] == 'attachment; filename="article-page.asl.json"'
    assert shown(out) == text()
    described = json.dumps({"name": "Bonus Page", "type": "EXPRESS", "definition": text()})
    file = SimpleUploadedFile("page.json", described.encode())
    opened = shown(client.post("/compositions/-/import/", {"file": file}))
    assert 'value="bonus-page"' in opened
    assert "It can be saved" in opened
    assert client.post("/compositions/-/import/", {"text": ""}).status_code == 400
    assert client.post("/compositions/-/import/", {"text": "hello: ["}).status_code == 400


def test_what_is_used_is_not_deleted_and_the_page_says_by_whom(enter, page):
    client = enter("admin")
    url = "/compositions/article-page/delete/"
    routes.put("p", {"path": "/p", "integration": {"type": "composition", "composition": "article-page"}}, by=SETUP)
    assert "It cannot be deleted" in shown(client.get(url))
    routes.delete("p", by=SETUP)
    expected = str(current_revision("composition", "article-page"))
    assert client.post(url, {"reason": "not needed", "expected": expected}).status_code == 302
    assert not Composition.objects.exists()


def test_a_standard_composition_is_started_from_its_page_and_followed(enter, page):
    standard = {"type": "STANDARD", "definition": definition()}
    compositions.put("long", standard, by=SETUP)
    operator = enter("operator")
    answer = operator.post("/compositions/long/try/", {"input": '{"a": 1}'})
    execution = Execution.objects.get()
    assert answer["Location"] == f"/executions/{execution.pk}/"
    assert execution.pk in shown(operator.get("/compositions/long/"))
    assert '"a": 1' in unescape(shown(operator.get("/compositions/long/try/")))  # the last input is kept
    refused = operator.post("/compositions/long/try/", {"input": '{"a": \n}'})
    assert refused.status_code == 400
    assert "line 2, column 1" in shown(refused)
    assert enter("viewer").get("/compositions/long/try/").status_code == 403


def test_runs_are_shown_in_figures_and_one_with_the_circuits_that_it_met(enter, page):
    call = {
        "path": "/States/Gather/Branches[1]/States/Get bonus",
        "target": "loyalty",
        "error": "Breaker.Open",
        "ms": 1,
    }
    now = clock.now()
    kept = CompositionRun.objects.create(
        composition="article-page",
        version=1,
        at=now,
        ms=12,
        status="SUCCEEDED",
        complete=False,
        why="partial",
        calls=[call],
    )
    counts = figures.empty()
    figures.note(counts, ms=12, complete=False, failed=False, calls=2, kept=0, refused=1)
    RunMinute.objects.create(composition="article-page", at=now.replace(second=0, microsecond=0), figures=counts)
    client = enter("viewer")
    found = shown(client.get("/compositions/article-page/runs/?why=partial"))
    assert "Runs a minute" in found
    assert f"/compositions/article-page/runs/{kept.pk}/" in found
    story = shown(client.get(f"/compositions/article-page/runs/{kept.pk}/"))
    assert "Breaker.Open" in story
    assert "/circuits/loyalty/" in story
    assert "is-caught" in story
    assert client.get("/compositions/article-page/runs/99999/").status_code == 404


def test_what_is_in_the_form_can_be_tried_before_it_is_saved(enter, page):
    client = enter("admin")
    opened = shown(client.post("/compositions/-/draft/", form(act="draft")))
    assert "as it is in the form" in opened
    assert 'name="forced-loyalty"' in opened
    assert 'name="definition"' in opened
    back = client.post(CHANGE, form(definition=text(Comment="Kept"), act="edit"))
    assert "Kept" in shown(back)
    mend = client.post("/compositions/-/draft/", form(definition="{}", act="draft"))
    assert mend.status_code == 400
    assert "to mend before it can be saved" in shown(mend)
    assert enter("operator").post("/compositions/-/draft/", form(act="draft")).status_code == 403
    assert Composition.objects.get().version == 1


def test_the_list_asks_the_database_no_more_for_many_than_for_few(enter, page, django_assert_max_num_queries):
    client = enter("viewer")
    with CaptureQueriesContext(connection) as few:
        client.get("/compositions/")
    for number in range(12):
        compositions.put(f"more-{number}", {"definition": nested("article-page")}, by=SETUP)
    with django_assert_max_num_queries(len(few) + 2):
        assert "more-11" in shown(client.get("/compositions/"))
