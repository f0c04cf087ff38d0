"""/api/v1/executions and /api/v1/tasks: lists that filter, the history, and every act with its refusals."""

import json
from typing import Any

import pytest

from compositions.models import Execution, TaskToken
from compositions.operations import compositions, executions
from controlplane.kernel import clock
from controlplane.kernel.access import Principal

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system("test")
ORDER = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 5, "End": True}}}


@pytest.fixture(autouse=True)
def order(valkey: str, db: None) -> None:
    compositions.put("order", {"type": "STANDARD", "definition": ORDER}, by=SYSTEM)


def start(**options: Any) -> str:
    return executions.start("order", '{"card": "4111 1111 1111 1111", "n": 1}', by=SYSTEM, **options).pk


def task(execution: str, **fields: Any) -> TaskToken:
    return TaskToken.objects.create(
        token=f"t{execution}", execution=execution, place="[]", state="Ask", composition="order",
        created_at=clock.now(), **fields,
    )  # fmt: skip


def test_executions_are_listed_newest_first_and_filtered(admin_api: Any) -> None:
    first, second = start(pipe="orders"), start()
    Execution.objects.filter(pk=first).update(status="FAILED", error="No", ended_at=clock.now())
    assert {row["id"] for row in admin_api.get("/api/v1/executions").json()} == {first, second}
    for query in (
        "status=FAILED",
        "status=FAILED,DEAD",
        "pipe=orders",
        "error=No",
        f"composition=order&before={second}",
    ):
        found = [row["id"] for row in admin_api.get(f"/api/v1/executions?{query}").json()]
        assert first in found, query
    assert admin_api.get("/api/v1/executions?status=FAILED").json()[0]["pipe"] == "orders"
    assert len(admin_api.get("/api/v1/executions?limit=1").json()) == 1
    assert admin_api.get("/api/v1/executions?started_after=2999-01-01T00:00:00Z").json() == []


def test_a_list_reads_nothing_of_what_executions_were_given(admin_api: Any, django_assert_max_num_queries: Any) -> None:
    for _ in range(5):
        start()
    with django_assert_max_num_queries(12) as asked:
        assert len(admin_api.get("/api/v1/executions").json()) == 5
    assert not [query["sql"] for query in asked if '"compositions_execution"."input"' in query["sql"]]


@pytest.mark.parametrize("query", ["status=OPEN", "limit=0", "limit=x", "started_after=yesterday"])
def test_a_filter_that_makes_no_sense_is_named(admin_api: Any, query: str) -> None:
    refused = admin_api.get(f"/api/v1/executions?{query}")
    assert refused.status_code == 400
    assert refused.json()["problems"][0]["path"] == query.partition("=")[0]


def test_one_execution_is_shown_without_secrets(admin_api: Any) -> None:
    shown = admin_api.get(f"/api/v1/executions/{start()}").json()
    assert shown["status"] == "RUNNING"
    assert shown["input"]["n"] == 1
    assert "4111" not in shown["input"]["card"].partition("…")[0]
    assert admin_api.get("/api/v1/executions/unknown").status_code == 404


def test_the_history_begins_with_the_start_and_tells_an_end(admin_api: Any) -> None:
    id = start()
    executions.stop(id, by=SYSTEM, reason="no more")
    events = admin_api.get(f"/api/v1/executions/{id}/history").json()
    assert [event["type"] for event in events] == ["ExecutionStarted", "ExecutionAborted"]
    assert [event["id"] for event in events] == [1, 2]
    assert events[-1]["executionAbortedEventDetails"]["cause"] == "no more"


def test_a_long_history_comes_in_pages_each_of_which_leads_to_the_next(admin_api: Any) -> None:
    id = start()
    for _ in range(2):
        executions.stop(id, by=SYSTEM, reason="no more")
        executions.redrive(id, by=SYSTEM, reason="mended")
    executions.stop(id, by=SYSTEM, reason="no more")
    whole = admin_api.get(f"/api/v1/executions/{id}/history")
    assert "Link" not in whole
    page, pages = admin_api.get(f"/api/v1/executions/{id}/history?limit=2"), []
    while True:
        pages.append(page.json())
        if "Link" not in page:
            break
        address, relation = page["Link"].split("; ")
        assert relation == 'rel="next"'
        page = admin_api.get(address.strip("<>"))
    assert [event for each in pages for event in each] == whole.json()
    assert {len(each) for each in pages[:-1]} == {2}
    for query in ("limit=0", "limit=1001", "after=x"):
        refused = admin_api.get(f"/api/v1/executions/{id}/history?{query}")
        assert refused.json()["problems"][0]["path"] == query.partition("=")[0]


def test_an_execution_is_stopped_and_redriven_once_each(admin_api: Any) -> None:
    id = start()
    assert admin_api.post(f"/api/v1/executions/{id}/redrive", {"reason": "x"}).status_code == 409
    assert admin_api.post(f"/api/v1/executions/{id}/stop", {"reason": "x"}).json()["status"] == "ABORTED"
    assert admin_api.post(f"/api/v1/executions/{id}/stop").status_code == 409
    assert admin_api.post(f"/api/v1/executions/{id}/redrive").json()["redrives"] == 1


def test_a_viewer_looks_and_does_not_act(client_of: Any) -> None:
    viewer, id = client_of("viewer"), start()
    assert viewer.get("/api/v1/executions").status_code == 200
    assert viewer.post(f"/api/v1/executions/{id}/stop").status_code == 403
    assert viewer.post(f"/api/v1/tasks/{task(id).pk}/succeed", {"output": 1}).status_code == 403


def test_a_task_is_listed_until_it_has_its_result(admin_api: Any) -> None:
    asked = task(start(), manual=True, title="Call", form=json.dumps({"type": "object"}))
    [shown] = admin_api.get("/api/v1/tasks?manual=true").json()
    assert (shown["title"], shown["form"], shown["status"]) == ("Call", {"type": "object"}, "WAITING")
    assert admin_api.post(f"/api/v1/tasks/{asked.pk}/heartbeat").status_code == 200
    assert admin_api.post(f"/api/v1/tasks/{asked.pk}/succeed", {"output": 1}).status_code == 400
    assert admin_api.post(f"/api/v1/tasks/{asked.pk}/succeed", {"output": {"a": 1}}).json()["status"] == "SUCCEEDED"
    assert admin_api.post(f"/api/v1/tasks/{asked.pk}/fail", {"error": "E"}).status_code == 409
    assert admin_api.post("/api/v1/tasks/unknown/succeed", {"output": 1}).status_code == 404
    assert admin_api.get("/api/v1/tasks").json() == []
    assert len(admin_api.get("/api/v1/tasks?status=SUCCEEDED").json()) == 1
    assert admin_api.get("/api/v1/tasks?status=OPEN").status_code == 400


def test_a_task_fails_with_a_name_and_a_cause(admin_api: Any) -> None:
    asked = task(start())
    assert (
        admin_api.post(f"/api/v1/tasks/{asked.pk}/fail", {"error": "Declined", "cause": "no"}).json()["status"]
        == "FAILED"
    )
    asked.refresh_from_db()
    assert (asked.error, asked.cause) == ("Declined", "no")
