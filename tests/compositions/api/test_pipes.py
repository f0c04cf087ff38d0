"""/api/v1/pipes"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from breakers.operations import overrides, targets
from compositions.intake.ids import new_id
from compositions.models import BulkRun, Execution, Intent, Route
from compositions.operations import bulk, compositions, dead_letters, executions
from controlplane.audit.models import AuditEntry
from controlplane.config.models import ConfigPiece
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from tests.compositions.workflows import asking, nested, task, workflow

URL = "/api/v1/pipes/onboarding"
ONBOARDING = {"target": "onboard", "drain": {"start_per_s": 2}, "max_in_flight": 8}
SYSTEM = Principal.system("test")

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture(autouse=True)
def workflows(valkey: str, db: None) -> None:
    for slug in ("payment", "loyalty", "fraud"):
        targets.put(slug, {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
    steps = workflow(
        Pay=task("payment", Next="Reward"),
        Reward=task("loyalty", Next="Done", Catch=caught),
        Done={"Type": "Succeed"},
    )
    compositions.put("onboard", {"type": "STANDARD", "definition": steps}, by=SYSTEM)
    compositions.put("check-fraud", {"definition": asking("fraud")}, by=SYSTEM)


def intent(status: str = "ACCEPTED", **fields: Any) -> Intent:
    return Intent.objects.create(
        id=new_id(), pipe="onboarding", status=status, accepted_at=clock.now(), body="{}", **fields
    )


def test_a_pipe_says_what_it_is_and_how_it_stands(admin_api: APIClient) -> None:
    made = admin_api.put(URL, ONBOARDING)
    assert made.status_code == 201
    assert made.json() == {
        "slug": "onboarding",
        "title": "",
        "description": "",
        "target": "onboard",
        "enrichment": None,
        "filter": None,
        "schema": None,
        "source": {"type": "database", "queue_url": None},
        "order_by": None,
        "max_in_flight": 8,
        "max_backlog": 100_000,
        "max_attempts": 10,
        "max_age_s": None,
        "drain": {"start_per_s": 2, "ramp_s": 60, "max_per_s": None},
        "when_open": "hold",
        "journey": "onboarding",
        "idempotency_key": "optional",
        "keep_headers": [],
        "tell": "status",
        "retention_days": 30,
        "desired_state": "RUNNING",
        "current_state": "RUNNING",
        "stopped_by": None,
        "reason": None,
        "since": None,
        "targets": ["payment"],
        "backlog": {"waiting": 0, "running": 0, "dead": 0},
        "oldest_age_s": None,
        "eta_s": 0.0,
    }
    again = admin_api.put(URL, admin_api.get(URL).json(), headers={"If-Match": made["ETag"]})
    assert (again.status_code, again["ETag"]) == (200, made["ETag"]), "what GET gives can be PUT"
    assert [pipe["slug"] for pipe in admin_api.get("/api/v1/pipes").json()] == ["onboarding"]


def test_the_piece_says_what_stops_it_and_how_often_it_calls(admin_api: APIClient) -> None:
    compositions.put("outer", {"type": "STANDARD", "definition": nested("check-fraud")}, by=SYSTEM)
    admin_api.put(URL, {"target": "outer", "enrichment": "check-fraud"})
    body = ConfigPiece.objects.filter(kind="pipe").latest("digest").body
    assert (body["targets"], body["calls"]) == (["fraud"], {"fraud": 2})


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"target": "nothing"}, "target", "unknown"),
        ({"target": "check-fraud"}, "target", "wrong_type"),
        ({"enrichment": "onboard"}, "enrichment", "wrong_type"),
        ({"filter": {"plan": "premium"}}, "filter.plan", "invalid"),
        ({"schema": {"type": "objekt"}}, "schema.type", "invalid"),
        ({"order_by": "$.items[*].id"}, "order_by", "invalid"),
        ({"order_by": "customer"}, "order_by", "invalid"),
        ({"source": {"type": "sqs"}}, "source.queue_url", "required"),
        ({"drain": {"start_per_s": 5, "max_per_s": 2}}, "drain.start_per_s", "max_value"),
        ({"keep_headers": ["Authorization"]}, "keep_headers[0]", "secret"),
        ({"max_in_flight": 0}, "max_in_flight", "min_value"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)
def test_what_cannot_work_names_its_field(admin_api: APIClient, change: dict[str, Any], path: str, code: str) -> None:
    refused = admin_api.put(URL, {**ONBOARDING, **change})
    assert refused.status_code == 400
    assert [(found["path"], found["code"]) for found in refused.json()["problems"]] == [(path, code)]


def test_an_open_circuit_of_a_required_target_stops_it_and_an_operator_outranks_it(admin_api: APIClient) -> None:
    admin_api.put(URL, ONBOARDING)
    overrides.put("loyalty", state="FORCED_OPEN", reason="deploy", by=SYSTEM)
    assert admin_api.get(URL).json()["current_state"] == "RUNNING", "it can do without loyalty"
    overrides.put("payment", state="FORCED_OPEN", reason="outage", by=SYSTEM)
    stopped = admin_api.get(URL).json()
    assert (stopped["desired_state"], stopped["current_state"], stopped["stopped_by"], stopped["reason"]) == (
        "RUNNING", "STOPPED", "circuit", "payment is forced open",
    )  # fmt: skip
    told = admin_api.post(f"{URL}/stop", {"reason": "stocktaking"}).json()
    assert (told["desired_state"], told["stopped_by"]) == ("STOPPED", "operator")
    assert "stocktaking" in told["reason"]
    overrides.clear("payment", reason="mended", by=SYSTEM)
    assert admin_api.get(URL).json()["current_state"] == "STOPPED"
    assert admin_api.post(f"{URL}/start", {"reason": "done"}).json()["current_state"] == "RUNNING"
    assert [entry.action for entry in AuditEntry.objects.filter(subject="pipe:onboarding").order_by("number")] == [
        "pipe.put", "pipe.stop", "pipe.start",
    ]  # fmt: skip


def test_stopping_needs_a_reason_and_the_role_of_an_operator(
    admin_api: APIClient, client_of: Callable[[str], APIClient]
) -> None:
    admin_api.put(URL, ONBOARDING)
    refused = admin_api.post(f"{URL}/stop", {})
    assert (refused.status_code, refused.json()["problems"][0]["path"]) == (400, "reason")
    assert client_of("operator").post(f"{URL}/stop", {"reason": "x"}).status_code == 200
    assert client_of("viewer").post(f"{URL}/start", {"reason": "x"}).status_code == 403


def test_backlog_and_age_are_what_is_in_the_database(admin_api: APIClient) -> None:
    admin_api.put(URL, ONBOARDING)
    for status in ("ACCEPTED", "ACCEPTED", "RUNNING", "DEAD", "SUCCEEDED"):
        intent(status)
    intent(held=True)
    Intent.objects.filter(status="ACCEPTED").update(accepted_at=clock.now() - timedelta(seconds=90))
    told = admin_api.get(URL).json()
    assert told["backlog"] == {"waiting": 3, "running": 1, "dead": 1}
    assert 90 <= told["oldest_age_s"] < 100
    assert told["eta_s"] is None, "nobody works it off"


def test_a_pipe_that_is_in_use_is_not_deleted(admin_api: APIClient) -> None:
    admin_api.put(URL, ONBOARDING)
    route = {"path": "/subscriptions", "methods": ["POST"], "integration": {"type": "pipe", "pipe": "onboarding"}}
    assert admin_api.put("/api/v1/routes/subscribe", route).json()["integration"] == route["integration"]
    refused = admin_api.delete(URL)
    assert (refused.status_code, refused.json()["used_by"]) == (409, [{"kind": "route", "slug": "subscribe"}])
    assert admin_api.delete("/api/v1/compositions/onboard").json()["used_by"][0] == {
        "kind": "pipe", "slug": "onboarding",
    }  # fmt: skip
    admin_api.patch("/api/v1/routes/subscribe", {"integration": {"type": "target", "target": "payment"}})
    assert Route.objects.get().pipe is None
    waiting = intent()
    assert admin_api.delete(URL).status_code == 409
    waiting.delete()
    assert admin_api.delete(URL).status_code == 204


def test_dead_letters_are_shown_and_taken_up_again(admin_api: APIClient) -> None:
    admin_api.put(URL, ONBOARDING)
    aged = intent("DEAD", reason="waited too long")
    begun = intent("DEAD", reason="given up")
    run = executions.start("onboard", "{}", by=SYSTEM, pipe="onboarding", intent=begun.pk)
    Execution.objects.filter(pk=run.pk).update(status="DEAD", ended_at=clock.now())
    Intent.objects.filter(pk=begun.pk).update(execution=run.pk)
    third = intent("DEAD")

    listed = admin_api.get(f"{URL}/dead-letters").json()
    assert [letter["id"] for letter in listed["intents"]] == [aged.pk, begun.pk, third.pk]
    preview = admin_api.post(f"{URL}/redrive", {"limit": 2, "preview": True}).json()
    assert (preview["redriven"], preview["matching"], len(preview["intents"])) == (0, 2, 2)
    assert Intent.objects.filter(status="DEAD").count() == 3

    done = admin_api.post(f"{URL}/redrive", {"reason": "mended", "limit": 2}).json()
    assert (done["redriven"], done["matching"]) == (2, 2)
    assert dict(Intent.objects.values_list("pk", "status")) == {
        aged.pk: "ACCEPTED", begun.pk: "RUNNING", third.pk: "DEAD",
    }  # fmt: skip
    assert Execution.objects.get(pk=run.pk).status == "RUNNING"
    assert admin_api.post(f"{URL}/redrive", {"reason": "one", "intents": [third.pk]}).json()["redriven"] == 1
    strange = admin_api.post(f"{URL}/redrive", {"reason": "again", "intents": [third.pk]})
    assert (strange.status_code, strange.json()["problems"][0]["path"]) == (400, "intents[0]")
    assert admin_api.post(f"{URL}/redrive", {}).json()["problems"][0]["path"] == "reason"


def test_many_dead_letters_are_an_order_that_is_carried_out_the_oldest_first(
    admin_api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MOST_AT_ONCE", 3)
    admin_api.put(URL, ONBOARDING)
    letters = [intent("DEAD", reason="aged").pk for _ in range(6)]
    assert admin_api.post(f"{URL}/redrive", {}).json()["problems"][0]["path"] == "reason"
    ordered = admin_api.post(f"{URL}/redrive", {"reason": "mended", "limit": 5})
    assert (ordered.status_code, ordered.json()["redriven"], ordered.json()["matching"]) == (202, 0, 5)
    assert [letter["id"] for letter in ordered.json()["intents"]] == letters[:5]
    Intent.objects.filter(pk=letters[1]).update(status="FAILED")  # somebody dealt with it meanwhile
    assert bulk.go_on(limit=3) == 3
    assert left() == [letters[4], letters[5]]
    assert bulk.go_on(limit=3) == 1
    assert bulk.go_on() == 0
    assert left() == [letters[5]]
    run = BulkRun.objects.get()
    assert (run.act, run.pipe, run.total, run.done, run.ended_at is not None) == ("take_up", "onboarding", 5, 4, True)
    assert AuditEntry.objects.get(action="pipe.redrive").after == {"ordered": 5, "order": run.pk}


def left() -> list[str]:
    return list(Intent.objects.filter(status="DEAD").order_by("id").values_list("pk", flat=True))


def test_a_dead_letter_whose_execution_is_not_kept_any_more_begins_anew(admin_api: APIClient) -> None:
    admin_api.put(URL, ONBOARDING)
    letter = intent("DEAD", execution="0" * 26, reason="given up")
    assert admin_api.post(f"{URL}/redrive", {"reason": "mended"}).json()["redriven"] == 1
    row = Intent.objects.get(pk=letter.pk)
    assert (row.status, row.execution, row.reason) == ("ACCEPTED", "", "")


def test_a_dead_letter_that_somebody_else_takes_up_holds_up_no_other(admin_api: APIClient) -> None:
    admin_api.put(URL, ONBOARDING)
    run = executions.start("onboard", "{}", by=SYSTEM, pipe="onboarding")
    first, second = intent("DEAD", execution=run.pk, reason="failed"), intent("DEAD", reason="aged")
    done = admin_api.post(f"{URL}/redrive", {"reason": "mended", "intents": [first.pk, second.pk]})
    assert done.status_code == 200
    assert Intent.objects.get(pk=second.pk).status == "ACCEPTED"
    assert Intent.objects.get(pk=first.pk).execution == run.pk
