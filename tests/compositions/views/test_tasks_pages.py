"""The inbox: what waits for a person is found, taken by one, done once, and told to the saga."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from compositions.models import Execution, TaskToken
from compositions.models.executions import TaskStatus
from controlplane.audit.models import AuditEntry

FORM = {
    "type": "object",
    "properties": {
        "newsletter": {"type": "boolean", "title": "Signed up for the newsletter"},
        "how": {"enum": ["by phone", "by mail"]},
        "minutes": {"type": "integer", "minimum": 1},
        "note": {"type": "string"},
        "extra": {"type": "array"},
    },
    "required": ["newsletter", "how"],
}


@pytest.fixture
def make(db):
    def make(token="t-1", **stated):
        now = timezone.now()
        Execution.objects.get_or_create(
            id="e1", defaults={"composition": "onboarding", "version": 1, "input": "{}", "started_at": now, "seed": "0"}
        )
        row = {"manual": True, "state": "Manual intervention", "composition": "onboarding", "place": "[]"}
        details = json.dumps({"title": "Sign up Ann", "description": "By hand, please.", "customer": "ann@example.org"})
        row |= {"execution": "e1", "resource": "manual", "title": "Sign up Ann", "details": details, "created_at": now}
        return TaskToken.objects.create(token=token, **(row | {"form": json.dumps(FORM)} | stated))

    return make


def done(client, token="t-1", **fields):
    given = {"act": "succeed", "field-newsletter": "on", "field-how": '"by phone"'}
    return client.post(f"/tasks/{token}/end/", given | fields)


def test_what_is_due_first_stands_first_and_what_is_late_is_said(enter, make):
    now = timezone.now()
    make("later", title="Later", due_at=now + timedelta(hours=2))
    make("late", title="Overdue", due_at=now - timedelta(hours=1))
    make("never", title="Whenever")
    make("machine", title="For a machine", manual=False)
    page = enter("viewer").get("/tasks/").content.decode()
    assert page.index("Overdue") < page.index("Later") < page.index("Whenever")
    assert "For a machine" not in page
    assert "late since" in page
    assert "Waiting (3)" in page
    assert "Late (1)" in page


def test_the_form_is_made_of_the_schema_and_its_result_goes_to_the_saga(enter, make):
    make()
    operator = enter("operator")
    page = operator.get("/tasks/t-1/").content.decode()
    for shown in ("Signed up for the newsletter", "by phone", "By hand, please.", "ann@example.org"):
        assert shown in page
    assert done(operator, **{"field-minutes": "5", "field-extra": "[1]"}).status_code == 302
    row = TaskToken.objects.get()
    assert json.loads(row.output) == {"newsletter": True, "how": "by phone", "minutes": 5, "extra": [1]}
    assert (row.status, row.ended_by) == (TaskStatus.SUCCEEDED, "a-operator")
    assert Execution.objects.get().signals == 1
    assert AuditEntry.objects.filter(action="task.succeed", subject="task:e1:Manual intervention").exists()
    assert "Sign up Ann" in operator.get("/tasks/?show=done").content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"field-how": ""}, "This field is required"),
        ({"field-minutes": "soon"}, "whole number"),
        ({"field-minutes": "0"}, "less than the minimum"),
        ({"field-extra": "{"}, "valid JSON"),
        ({"field-extra": "{}"}, "not of type"),
    ],
)
def test_what_the_form_does_not_allow_is_refused_beside_its_field_and_nothing_is_lost(enter, make, fields, words):
    make()
    refused = done(enter("operator"), **{"field-note": "typed with care"}, **fields)
    assert refused.status_code == 400
    assert words in refused.content.decode()
    assert "typed with care" in refused.content.decode()
    assert TaskToken.objects.get().status == TaskStatus.WAITING


def test_a_second_result_is_refused_and_says_whose_the_first_was(enter, make):
    make()
    assert done(enter("operator", "ann")).status_code == 302
    second = done(enter("operator", "bob"), **{"field-note": "me too"})
    assert second.status_code == 409
    assert "has its result already: SUCCEEDED by ann" in second.content.decode()


def test_a_failure_needs_a_reason_and_reaches_the_saga_by_name(enter, make):
    make()
    operator = enter("operator")
    assert operator.post("/tasks/t-1/end/", {"act": "fail", "reason": " "}).status_code == 400
    sent = {"act": "fail", "reason": "no such customer", "error": "Customer.Unknown"}
    assert operator.post("/tasks/t-1/end/", sent).status_code == 302
    row = TaskToken.objects.get()
    assert (row.status, row.error, row.cause) == (TaskStatus.FAILED, "Customer.Unknown", "no such customer")


def test_of_two_who_take_it_one_is_told(enter, make):
    make()
    ann, bob = enter("operator", "ann"), enter("operator", "bob")
    ann.post("/tasks/t-1/assign/", {"act": "take", "expected": ""})
    told = bob.post("/tasks/t-1/assign/", {"act": "take", "expected": ""}, follow=True).content.decode()
    assert "ann has taken it meanwhile" in told
    assert TaskToken.objects.get().assignee == "ann"
    assert "Mine (1)" in ann.get("/tasks/?show=mine").content.decode()
    ann.post("/tasks/t-1/assign/", {"act": "give", "expected": "ann"})
    assert TaskToken.objects.get().assignee == ""


def test_a_task_without_a_schema_takes_any_json(enter, make):
    make(form="")
    operator = enter("operator")
    assert operator.post("/tasks/t-1/end/", {"act": "succeed", "output": '{"ok": [1, 2]}'}).status_code == 302
    assert json.loads(TaskToken.objects.get().output) == {"ok": [1, 2]}


def test_viewers_look_and_do_nothing_and_unknown_tasks_are_not_found(enter, make):
    make()
    viewer = enter("viewer")
    assert "It is done" not in viewer.get("/tasks/t-1/").content.decode()
    assert done(viewer).status_code == 403
    assert viewer.get("/tasks/nothing/").status_code == 404
    assert done(enter("operator"), "nothing").status_code == 404


def test_a_saga_that_could_not_be_undone_stands_above_everything_else(enter, make):
    make()
    failed = {"status": "COMPENSATION_FAILED", "error": "States.Timeout", "ended_at": timezone.now()}
    Execution.objects.filter(pk="e1").update(**failed)
    page = enter("viewer").get("/tasks/").content.decode()
    assert "Could not be undone" in page
    assert page.index("/executions/e1/") < page.index("Sign up Ann")
