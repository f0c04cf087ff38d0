"""Actions on their page and on their circuit's, and trying one again from there."""

import pytest
from django.test import Client

from breakers.operations import actions, journeys, targets
from controlplane.aws.models import AwsCall, Holding
from controlplane.kernel import clock
from controlplane.kernel.access import Principal

SYSTEM = Principal.system("test")


@pytest.fixture
def failing(db, valkey):
    targets.put("payment", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
    journeys.put("subscribing", {"targets": ["payment"]}, by=SYSTEM)
    subjects = ["circuit:payment", "journey:subscribing"]
    actions.put("stop-subs", {"subjects": subjects, "kind": "pipe", "name": "subs"}, by=SYSTEM)
    now = clock.now()
    row = {"title": "Pipe subs is STOPPED", "desired": "STOPPED", "actual": "RUNNING", "since": now, "seen_at": now}
    Holding.objects.create(key="action:stop-subs", error="NotFoundException: nobody", attempts=3, due_at=now, **row)
    AwsCall.objects.create(at=now, by="action:stop-subs", call="pipes.stop_pipe()", outcome="failed")


@pytest.mark.parametrize("path", ["/actions/", "/circuits/payment/"])
def test_desired_actual_and_the_last_failure_are_shown(failing, admin_client: Client, path: str) -> None:
    page = admin_client.get(path).content.decode()
    for words in ("STOPPED", "✕ RUNNING", "NotFoundException: nobody", "attempt 3", "Retry now", "Follows one of"):
        assert words in page


def test_the_board_says_what_does_not_hold(failing, admin_client: Client) -> None:
    page = admin_client.get("/").content.decode()
    assert "At AWS what should hold does not: Pipe subs is STOPPED (NotFoundException: nobody)." in page


def test_retrying_returns_to_where_it_was_asked_and_nowhere_else(failing, admin_client: Client) -> None:
    back = admin_client.post("/actions/stop-subs/retry/", {"next": "/circuits/payment/"})
    assert (back.status_code, back["Location"]) == (302, "/circuits/payment/")
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", ""):
        assert admin_client.post("/actions/stop-subs/retry/", {"next": elsewhere})["Location"] == "/actions/"


def test_without_aws_the_page_names_the_remedy(db, admin_client: Client) -> None:
    page = admin_client.get("/actions/").content.decode()
    assert "AWS_REGION" in page
    assert "No action yet" in page
