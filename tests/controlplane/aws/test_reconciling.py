"""What is wanted holds, whoever changes it: by level, with the state read back from ministack."""

from __future__ import annotations

import socket
from datetime import timedelta
from io import StringIO

import msgspec
import pytest
from django.core.management import call_command

from controlplane.aws import clients, health, reconciling
from controlplane.aws.models import AwsCall, Holding
from controlplane.aws.plans import Call
from controlplane.kernel import clock
from tests.controlplane.aws.wanting import WANTED, event, parameter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def publishers(settings):
    settings.AWS_PUBLISHERS = ["tests.controlplane.aws.wanting.wanted"]
    WANTED.clear()
    yield WANTED
    WANTED.clear()


def value(name: str = "/flag") -> str:
    return clients.send(Call("ssm", "get_parameter", {"Name": name}))["Parameter"]["Value"]


def later(seconds: float):
    return clock.now() + timedelta(seconds=seconds)


def test_what_is_wanted_is_brought_about_once_and_read_back(aws, publishers):
    publishers.append(parameter("yes"))
    assert reconciling.reconcile() == 1
    assert value() == "yes"
    row = Holding.objects.get()
    assert (row.reached, row.actual, row.error) == (True, "yes", "")
    assert reconciling.reconcile() == 0
    assert [call.outcome for call in AwsCall.objects.all()] == ["done"]


def test_a_changed_want_is_brought_about_at_once(aws, publishers):
    publishers.append(parameter("yes"))
    reconciling.reconcile()
    publishers[:] = [parameter("no")]
    reconciling.reconcile()
    assert value() == "no"


def test_what_somebody_changes_at_aws_is_put_right(aws, publishers):
    publishers.append(parameter("yes"))
    reconciling.reconcile()
    clients.send(Call("ssm", "put_parameter", {"Name": "/flag", "Value": "meddled", "Overwrite": True}))
    reconciling.reconcile(now=later(reconciling.LOOK_AGAIN_S + 1))
    assert value() == "yes"


def test_what_holds_already_is_left_alone(aws, publishers):
    clients.send(Call("ssm", "put_parameter", {"Name": "/flag", "Value": "yes", "Type": "String"}))
    publishers.append(parameter("yes"))
    reconciling.reconcile()
    assert Holding.objects.get().reached
    assert not AwsCall.objects.exists()


def test_an_event_is_put_once_for_each_turn(aws, publishers):
    publishers.append(event("1"))
    reconciling.reconcile()
    reconciling.reconcile(now=later(reconciling.LOOK_AGAIN_S + 1))
    assert AwsCall.objects.count() == 1
    publishers[:] = [event("2")]
    reconciling.reconcile()
    assert AwsCall.objects.count() == 2


def test_a_calm_beginning_puts_no_event(aws, publishers):
    publishers.append(event("1", calm=True))
    reconciling.reconcile()
    assert not AwsCall.objects.exists()
    publishers[:] = [event("2", calm=True)]
    reconciling.reconcile()
    assert AwsCall.objects.count() == 1


def test_a_failure_is_told_and_tried_later_and_later_and_at_once_on_request(aws, publishers, settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{port}"
    publishers.append(parameter("yes"))
    waits = []
    for _ in range(3):
        began = clock.now()
        assert reconciling.retry_now("parameter:/flag") or not waits
        reconciling.reconcile()
        waits.append((Holding.objects.get().due_at - began).total_seconds())
    assert waits == sorted(waits)
    row = Holding.objects.get()
    assert (row.status, row.attempts) == ("failing", 3)
    status, detail, counts = health.held(None)["aws"]
    assert (status, counts["failing"]) == ("warning", 1)
    assert "Parameter /flag (ssm: Could not connect" in detail
    (family,) = health.families()
    assert {sample.labels["status"]: sample.value for sample in family.samples} == {
        "reached": 0,
        "on the way": 0,
        "failing": 1,
    }
    settings.AWS_ENDPOINT_URL = aws.url
    assert reconciling.reconcile() == 0  # not due yet
    reconciling.retry_now("parameter:/flag")
    reconciling.reconcile()
    assert (Holding.objects.get().status, value()) == ("reached", "yes")


def test_one_that_fails_keeps_none_of_the_others(aws, publishers):
    broken = msgspec.structs.replace(
        parameter("yes", name="/broken"), look=Call("pipes", "describe_pipe", {"Name": "x"})
    )
    publishers += [broken, parameter("yes")]
    reconciling.reconcile()
    assert value() == "yes"
    assert Holding.objects.get(key="parameter:/broken").status == "failing"


def test_of_two_workers_one_is_at_it(aws, publishers):
    publishers.append(event("1"))
    reconciling._written_down({"event:turned": event("1")}, clock.now())
    now = clock.now()
    row = Holding.objects.get()
    assert [reconciling._claimed(row, now), reconciling._claimed(row, now)] == [True, False]
    assert reconciling.reconcile() == 0
    assert not AwsCall.objects.exists()


def test_a_worker_that_died_keeps_its_claim_for_a_while_only(aws, publishers):
    publishers.append(event("1"))
    reconciling._written_down({"event:turned": event("1")}, clock.now())
    reconciling._claimed(Holding.objects.get(), clock.now())
    assert reconciling.reconcile(now=later(reconciling.CLAIM_S + 1)) == 1
    assert Holding.objects.get().reached


def test_what_nobody_wants_any_more_is_forgotten_and_left_as_it_is(aws, publishers):
    publishers.append(parameter("yes"))
    reconciling.reconcile()
    publishers.clear()
    reconciling.reconcile()
    assert not Holding.objects.exists()
    assert value() == "yes"


def test_a_dry_run_prints_the_plan_and_sends_nothing(aws, publishers):
    publishers.append(parameter("yes"))
    out = StringIO()
    call_command("aws_plan", stdout=out)
    assert "Put /flag\n" in out.getvalue()
    assert 'ssm.put_parameter(Name="/flag", Value="yes", Type="String", Overwrite=true)' in out.getvalue()
    assert not AwsCall.objects.exists()
    reconciling.reconcile()
    assert AwsCall.objects.get().call in out.getvalue()
    out = StringIO()
    call_command("aws_plan", stdout=out)
    assert out.getvalue() == "parameter:/flag: holds (yes)\n"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_rounds_run_beside_the_queue_and_never_twice_at_once(aws, publishers):
    publishers += [parameter("yes", name=f"/flag/{number}") for number in range(6)]
    assert reconciling.rounds.nudge()
    while reconciling.rounds._busy.locked():
        pass
    assert {value(f"/flag/{number}") for number in range(6)} == {"yes"}
    assert Holding.objects.filter(reached=True).count() == 6
