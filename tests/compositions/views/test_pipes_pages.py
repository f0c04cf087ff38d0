"""Pipes in the browser: how they stand, start and stop with a reason, dead letters, one intent's story."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from breakers.operations import targets
from compositions.intake import ids
from compositions.models import Intent, Pipe
from compositions.operations import bulk, compositions, dead_letters, pipes
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal

SETUP = Principal.system("test")
SAGA = {
    "StartAt": "Pay",
    "States": {
        "Pay": {
            "Type": "Task",
            "Resource": "arn:aws:states:::http:invoke",
            "Parameters": {"ApiEndpoint": "target://payment/charges", "Method": "POST"},
            "End": True,
        }
    },
}


@pytest.fixture
def onboarding(db, valkey):
    targets.put("payment", {"base_url": "http://127.0.0.1:9"}, by=SETUP)
    compositions.put("onboard", {"type": "STANDARD", "definition": SAGA}, by=SETUP)
    return pipes.put("onboarding", {"title": "Onboarding", "target": "onboard", "journey": "subscribing"}, by=SETUP)[0]


def intent(number, status="ACCEPTED", **stated):
    row = {"pipe": "onboarding", "status": status, "accepted_at": timezone.now(), "body": "{}", **stated}
    return Intent.objects.create(id=id_of(number, row["accepted_at"]), **row)


def id_of(number, at=None):
    """Of the time, as real ones are, and a number."""
    return f"{ids.since(at or timezone.now())}{number:017d}"


def test_a_pipe_shows_what_waits_and_for_how_long(enter, onboarding):
    intent(1, accepted_at=timezone.now() - timedelta(minutes=3))
    intent(2)
    page = enter("viewer").get("/pipes/").content.decode()
    assert "Onboarding" in page
    assert "RUNNING" in page
    assert "3\N{NO-BREAK SPACE}min" in page
    assert "No worker reports of it" in page
    only = enter("viewer").get("/pipes/?journey=searching").content.decode()
    assert "Onboarding" not in only


def test_an_operator_stops_it_with_a_reason_and_starts_it_again(enter, onboarding):
    operator = enter("operator")
    refused = operator.post("/pipes/onboarding/steer/", {"act": "stop", "reason": " "})
    assert refused.status_code == 400
    assert "Say why" in refused.content.decode()
    assert operator.post("/pipes/onboarding/steer/", {"act": "stop", "reason": "bank holiday"}).status_code == 302
    page = operator.get("/pipes/onboarding/").content.decode()
    assert "a-operator stopped it: bank holiday" in page
    assert '<h2 id="steer-title">Start it</h2>' in page
    operator.post("/pipes/onboarding/steer/", {"act": "start", "reason": "over"})
    assert Pipe.objects.get().desired_state == "RUNNING"
    assert AuditEntry.objects.filter(subject="pipe:onboarding", action="pipe.stop").get().reason == "bank holiday"


def test_the_funnel_counts_the_last_day_alone(enter, onboarding):
    intent(1, "SUCCEEDED")
    intent(2, "SUCCEEDED")
    intent(3, "PARTIAL")
    intent(4, "FAILED", accepted_at=timezone.now() - timedelta(days=2))
    page = enter("viewer").get("/pipes/onboarding/").content.decode()
    assert "What became of the last day's 3" in page.replace("&#x27;", "'")


def test_dead_letters_are_seen_before_they_are_taken_up_again(enter, onboarding):
    dead = [intent(number, "DEAD", reason="the store was away", ended_at=timezone.now()).pk for number in (1, 2, 3)]
    operator = enter("operator")
    assert "Dead letters (3)" in operator.get("/pipes/onboarding/").content.decode()
    chosen = [dead[0], dead[2]]
    preview = operator.post("/pipes/onboarding/redrive/", {"intent": chosen}).content.decode()
    assert "<strong>2</strong> would be taken up again" in preview
    assert Intent.objects.filter(status="DEAD").count() == 3
    done = {"intent": chosen, "act": "redrive", "reason": "it is back"}
    assert operator.post("/pipes/onboarding/redrive/", done).status_code == 302
    assert set(Intent.objects.filter(status="ACCEPTED").values_list("pk", flat=True)) == set(chosen)


def test_many_are_taken_up_by_an_order_whose_page_tells_how_far_it_is(enter, onboarding, monkeypatch):
    monkeypatch.setattr(dead_letters, "MOST_AT_ONCE", 2)
    for number in range(3):
        intent(number, "DEAD", reason="the provider is gone")
    operator = enter("operator")
    refused = operator.post("/pipes/onboarding/redrive/", {"act": "redrive", "reason": " "})
    assert "Say why" in refused.content.decode()
    ordered = operator.post("/pipes/onboarding/redrive/", {"act": "redrive", "reason": "it is back"}, follow=True)
    page = ordered.content.decode()
    assert "Take dead letters up again: 0 of 3" in page
    assert "/pipes/onboarding/#dead" in page
    assert "Take dead letters up again: 0 of 3" in operator.get("/pipes/onboarding/").content.decode()
    assert "dead letters" not in operator.get("/executions/").content.decode()
    strange = operator.post("/executions/bulk/", {"act": "take_up", "query": "", "step": "order", "reason": "x"})
    assert strange.status_code == 302
    assert bulk.go_on() == 3
    assert "✓ Done" in operator.get(ordered.redirect_chain[-1][0]).content.decode()
    assert "<dt>Dead letters</dt><dd>0</dd>" in operator.get("/pipes/onboarding/").content.decode()


def test_an_intent_tells_its_story_without_secrets(enter, onboarding):
    body = {"customer": "ann@example.org", "card_number": "4111 1111 1111 1111"}
    told = {"outcome": '{"error": "Subscription.Failed"}', "execution": "e1"}
    failed = intent(1, "FAILED", body=json.dumps(body), **told)
    page = enter("viewer").get(f"/intents/{failed.pk}/").content.decode()
    assert "ann@example.org" in page
    assert "4111 1111" not in page
    assert "Subscription.Failed" in page
    assert "/executions/e1/" in page


def test_viewers_steer_nothing_and_unknown_pipes_are_not_found(enter, onboarding):
    viewer = enter("viewer")
    for path in ("/pipes/onboarding/steer/", "/pipes/onboarding/redrive/"):
        assert viewer.post(path, {"act": "stop", "reason": "x"}).status_code == 403
    assert viewer.get("/pipes/nothing/").status_code == 404
    assert viewer.get("/intents/nothing/").status_code == 404
    assert enter("operator").post("/pipes/nothing/steer/", {"act": "stop", "reason": "x"}).status_code == 404
