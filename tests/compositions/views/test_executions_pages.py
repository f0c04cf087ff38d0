"""Durable executions in the browser: found, followed step by step, stopped and redriven, one or many."""

import pytest
from django.utils import timezone

from breakers.operations import targets
from compositions.engine.standard import journal
from compositions.models import BulkRun, Execution, JournalEntry, SavedView
from compositions.models.executions import ExecutionStatus
from compositions.operations import bulk, compositions, executions
from compositions.views import executions as pages
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import to_ms

SETUP = Principal.system("test")
TASK = "arn:aws:states:::http:invoke"


def task(slug, following=None, catch=None):
    ends = {"Next": following} if following else {"End": True}
    caught = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": catch}]} if catch else {}
    parameters = {"ApiEndpoint": f"target://{slug}/x", "Method": "POST"}
    return {"Type": "Task", "Resource": TASK, "Parameters": parameters, **ends, **caught}


SAGA = {
    "StartAt": "Pay",
    "States": {
        "Pay": task("payment", "Unblock"),
        "Unblock": task("content", None, "Refund"),
        "Refund": task("payment"),
    },
}


@pytest.fixture
def saga(db, valkey):
    for slug in ("payment", "content"):
        targets.put(slug, {"base_url": "http://127.0.0.1:9"}, by=SETUP)
    return compositions.put("onboard", {"type": "STANDARD", "definition": SAGA}, by=SETUP)[0]


def begin(**stated):
    row = executions.start("onboard", '{"customer": "ann@example.org", "password": "s3cret"}', by=SETUP)
    Execution.objects.filter(pk=row.pk).update(**stated)
    return row.pk


def tell(pk, *happenings):
    """What its journal was told, a commit each."""
    at = to_ms(timezone.now())
    for number, (what, state, told) in enumerate(happenings, start=1):
        path = ((state, 1),)
        text = journal.written([(what, path, 0, at + number * 100, told)])
        JournalEntry.objects.create(execution=pk, number=number, at=timezone.now(), told=text)


def compensated(pk):
    failed = {"error": "States.Http.StatusCode.500", "cause": "no"}
    tell(
        pk,
        ("entered", "Pay", {"input": {"customer": "ann@example.org"}}),
        ("scheduled", "Pay", {"resource": TASK, "parameters": {}}),
        ("call", "Pay", {"output": {"id": "ch_1"}, "met": [{"target": "payment", "source": "live"}]}),
        ("exited", "Pay", {"next": "Unblock"}),
        ("entered", "Unblock", {"input": {"id": "ch_1"}}),
        ("scheduled", "Unblock", {"resource": TASK, "parameters": {}}),
        ("call", "Unblock", failed),
        ("caught", "Unblock", {**failed, "next": "Refund"}),
        ("entered", "Refund", {"input": {}}),
    )


def test_an_execution_is_followed_step_by_step_without_secrets(enter, saga):
    pk = begin()
    compensated(pk)
    page = enter("viewer").get(f"/executions/{pk}/").content.decode()
    for shown in ("failed, and its error was caught", "States.Http.StatusCode.500", "payment live", "TaskSucceeded"):
        assert shown in page
    assert '<svg class="machine of-run"' in page
    assert 'id="step-3"' in page
    assert "s3cret" not in page


def test_the_list_is_narrowed_by_status_target_and_error(enter, saga):
    begin()
    begin(status=ExecutionStatus.FAILED, error="Subscription.Failed", wake_at=None)
    waiting = begin(parked_on="payment", parked_why="payment is open")
    viewer = enter("viewer")
    assert viewer.get("/executions/").content.decode().count('class="circuit"') == 3
    assert "Subscription.Failed" in viewer.get("/executions/?status=FAILED").content.decode()
    only = viewer.get("/executions/?parked_on=payment").content.decode()
    assert waiting in only
    assert "waits: payment is open" in only
    assert only.count('id="execution-') == 1
    assert "There is no status" in viewer.get("/executions/?status=LOST").content.decode()


def test_a_compensation_that_failed_cannot_be_missed(enter, saga):
    begin(status=ExecutionStatus.COMPENSATION_FAILED, error="States.Timeout")
    assert "1 could not be undone" in enter("viewer").get("/executions/").content.decode()


def test_it_is_stopped_and_taken_up_again_with_reasons(enter, saga):
    pk, operator = begin(), enter("operator")
    assert operator.post(f"/executions/{pk}/steer/", {"act": "stop", "reason": ""}).status_code == 400
    assert operator.post(f"/executions/{pk}/steer/", {"act": "stop", "reason": "wrong customer"}).status_code == 302
    assert Execution.objects.get().status == ExecutionStatus.ABORTED
    again = operator.post(f"/executions/{pk}/steer/", {"act": "stop", "reason": "twice"})
    assert again.status_code == 409
    assert "has ended already" in again.content.decode()
    operator.post(f"/executions/{pk}/steer/", {"act": "redrive", "reason": "right after all"})
    assert Execution.objects.get().status == ExecutionStatus.RUNNING
    assert AuditEntry.objects.filter(subject=f"execution:{pk}").count() == 2


def test_many_are_seen_before_they_are_stopped_and_what_comes_later_is_left_alone(enter, saga):
    for _ in range(3):
        begin()
    operator = enter("operator")
    preview = operator.post("/executions/bulk/", {"act": "stop", "query": "composition=onboard"}).content.decode()
    assert "Stop 3 executions" in preview
    assert Execution.objects.filter(status=ExecutionStatus.RUNNING).count() == 3
    order = {"act": "stop", "query": "composition=onboard", "step": "order"}
    refused = operator.post("/executions/bulk/", order)
    assert refused.status_code == 400
    ordered = operator.post("/executions/bulk/", order | {"reason": "bad release"})
    later = begin()
    assert bulk.go_on(limit=2) == 2
    assert "2 of 3" in operator.get(ordered.url).content.decode()
    assert bulk.go_on(limit=2) == 1
    assert bulk.go_on() == 0
    run = BulkRun.objects.get()
    assert (run.done, run.refused, run.ended_at is not None) == (3, 0, True)
    assert list(Execution.objects.filter(status=ExecutionStatus.RUNNING).values_list("pk", flat=True)) == [later]
    assert AuditEntry.objects.get(action="execution.bulk_stop").reason == "bad release"


def test_of_very_many_steps_the_newest_are_shown(enter, saga, monkeypatch):
    monkeypatch.setattr(pages, "STEPS", 2)
    pk = begin()
    compensated(pk)
    page = enter("viewer").get(f"/executions/{pk}/").content.decode()
    assert "The newest 2; 1 came before them." in page
    assert 'id="step-1"' not in page
    assert 'id="step-3"' in page


def test_an_order_that_finds_nothing_is_told_and_not_made(enter, saga):
    told = enter("operator").post(
        "/executions/bulk/", {"act": "redrive", "query": "", "step": "order", "reason": "x"}, follow=True
    )
    assert "nothing was ordered" in told.content.decode()
    assert not BulkRun.objects.exists()


def test_a_view_is_kept_shared_and_dropped_by_its_owner_alone(enter, saga):
    ann, bob = enter("operator", "ann"), enter("viewer", "bob")
    ann.post("/executions/view/", {"name": "Payments that wait", "query": "parked_on=payment", "shared": "on"})
    assert "Payments that wait" in bob.get("/executions/").content.decode()
    view = SavedView.objects.get()
    bob.post("/executions/view/", {"drop": view.pk})
    assert SavedView.objects.exists()
    bob.post("/executions/view/", {"name": "Mine", "query": "status=DEAD", "shared": "on"})
    assert not SavedView.objects.get(name="Mine").shared, "viewers keep views for themselves"
    ann.post("/executions/view/", {"drop": view.pk})
    assert SavedView.objects.count() == 1


def test_viewers_steer_nothing_and_unknown_executions_are_not_found(enter, saga):
    pk, viewer = begin(), enter("viewer")
    for path in (f"/executions/{pk}/steer/", "/executions/bulk/"):
        assert viewer.post(path, {"act": "stop", "reason": "x"}).status_code == 403
    assert viewer.get("/executions/nothing/").status_code == 404
    assert enter("operator").post("/executions/nothing/steer/", {"act": "stop", "reason": "x"}).status_code == 404
