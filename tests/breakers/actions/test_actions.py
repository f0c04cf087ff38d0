"""Actions on ministack: what opens and closes there with a circuit or journey, by level, with the state read back."""

import json
from datetime import timedelta

import msgspec
import pytest

from breakers.actions.publishing import wants_of
from breakers.actions.sentences import sentence
from breakers.core import machine
from breakers.core.states import State
from breakers.documents.actions import complete
from breakers.models import Action
from breakers.operations import actions, journeys, targets
from controlplane.aws import clients, reconciling
from controlplane.aws.models import AwsCall, Holding
from controlplane.aws.plans import Call
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from tests.breakers.actions.publisher import PLANES
from tests.breakers.runner import Runner

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system("test")
PIPE = {"subjects": ["circuit:payment"], "kind": "pipe", "name": "subscriptions"}


@pytest.fixture
def payment(db, aws, valkey, settings, tmp_path):
    """The circuits `payment` and `crm`, closed, known to a runner that the reconciler asks."""
    settings.LAST_GOOD = tmp_path / "last-good.json"
    settings.AWS_PUBLISHERS = ["tests.breakers.actions.publisher.wants"]
    runner = Runner()
    PLANES[:] = [runner.plane]
    for slug in ("payment", "crm"):
        targets.put(slug, {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
        runner.run(runner.fleet.target(slug, "http://127.0.0.1:9001"))
    yield runner
    PLANES.clear()
    runner.close()


def make_pipe(name="subscriptions"):
    arn = "arn:aws:sqs:us-east-1:123456789012:intents"
    role, machine_arn = "arn:aws:iam::123456789012:role/pipe", "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    made = {"Name": name, "RoleArn": role, "Source": arn, "Target": machine_arn}
    clients.send(Call("pipes", "create_pipe", made))


def pipe_state(name="subscriptions"):
    return clients.send(Call("pipes", "describe_pipe", {"Name": name}))["CurrentState"]


def queue_for_events() -> str:
    url = clients.send(Call("sqs", "create_queue", {"QueueName": "told"}))["QueueUrl"]
    clients.send(Call("events", "put_rule", {"Name": "told", "EventPattern": json.dumps({"source": ["switchgear"]})}))
    to = [{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:told"}]
    clients.send(Call("events", "put_targets", {"Rule": "told", "Targets": to}))
    return url


def received(url: str) -> list[dict]:
    answer = clients.send(Call("sqs", "receive_message", {"QueueUrl": url, "MaxNumberOfMessages": 10}))
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_a_pipe_is_stopped_while_the_circuit_is_open_stored_by_the_emulator_which_forwards_nothing(payment):
    make_pipe()
    actions.put("stop-subs", PIPE, by=SYSTEM)
    reconciling.reconcile()
    assert pipe_state() == "RUNNING"
    payment.turn(State.OPEN)
    reconciling.reconcile()
    assert pipe_state() == "STOPPED"
    payment.turn(State.HALF_OPEN)
    reconciling.reconcile()
    assert pipe_state() == "STOPPED"
    payment.turn(State.CLOSED)
    reconciling.reconcile()
    assert pipe_state() == "RUNNING"
    calls = list(AwsCall.objects.order_by("pk").values_list("call", "outcome"))
    assert calls == [
        ('pipes.stop_pipe(Name="subscriptions")', "done"),
        ('pipes.start_pipe(Name="subscriptions")', "done"),
    ]


def test_an_operators_order_stops_it_as_well(payment):
    make_pipe()
    actions.put("stop-subs", PIPE, by=SYSTEM)
    order = {"state": "FORCED_OPEN", "reason": "maintenance", "by": "ann", "since_ms": 5, "expires_at_ms": None}
    payment.run(payment.fleet.put("override", "payment", order))
    reconciling.reconcile()
    assert pipe_state() == "STOPPED"


def test_a_pipe_that_somebody_starts_while_the_circuit_is_open_is_stopped_again(payment):
    make_pipe()
    actions.put("stop-subs", PIPE, by=SYSTEM)
    payment.turn(State.OPEN)
    reconciling.reconcile()
    clients.send(Call("pipes", "start_pipe", {"Name": "subscriptions"}))
    reconciling.reconcile(now=clock.now() + timedelta(seconds=reconciling.LOOK_AGAIN_S + 1))
    assert pipe_state() == "STOPPED"


def test_one_of_several_circuits_is_enough_to_stop_and_all_must_close_to_start(payment):
    make_pipe()
    actions.put("stop-subs", PIPE | {"subjects": ["circuit:payment", "circuit:crm"]}, by=SYSTEM)
    payment.turn(State.OPEN)
    payment.turn(State.OPEN, slug="crm")
    reconciling.reconcile()
    payment.turn(State.HALF_OPEN, State.CLOSED)
    reconciling.reconcile()
    assert pipe_state() == "STOPPED"
    payment.turn(State.HALF_OPEN, State.CLOSED, slug="crm")
    reconciling.reconcile()
    assert pipe_state() == "RUNNING"


def test_a_level_without_a_value_is_left_alone(payment):
    make_pipe()
    actions.put("stop-subs", PIPE | {"when_closed": ""}, by=SYSTEM)
    payment.turn(State.OPEN)
    reconciling.reconcile()
    payment.turn(State.HALF_OPEN, State.CLOSED)
    reconciling.reconcile()
    assert pipe_state() == "STOPPED"
    assert not Holding.objects.exists()


def test_a_parameter_says_so_while_a_journey_is_delayed_and_closing_clears_it(payment):
    journeys.put("subscribing", {"targets": ["payment"]}, by=SYSTEM)
    payment.run(payment.fleet.put("journey", "subscribing", {"slug": "subscribing", "targets": ["payment"]}))
    payment.plane.delays._min_on_ms = 0
    document = {"subjects": ["journey:subscribing"], "kind": "parameter", "name": "/shop/delayed"}
    actions.put("tell-shop", document, by=SYSTEM)

    def value():
        reconciling.reconcile()
        return clients.send(Call("ssm", "get_parameter", {"Name": "/shop/delayed"}))["Parameter"]["Value"]

    assert value() == "false"
    payment.turn(State.OPEN)
    assert value() == "true"
    payment.turn(State.HALF_OPEN, State.CLOSED)
    assert value() == "false"


def test_an_event_is_put_once_at_each_turn_and_a_rule_delivers_it_to_a_queue(payment):
    url = queue_for_events()
    actions.put("tell", {"subjects": ["circuit:payment"], "kind": "event", "name": "default"}, by=SYSTEM)
    reconciling.reconcile()
    assert received(url) == []
    payment.turn(State.OPEN)
    reconciling.reconcile()
    payment.turn(State.HALF_OPEN)
    reconciling.reconcile()
    payment.turn(State.OPEN)  # a failed recovery is no news
    reconciling.reconcile()
    (event,) = received(url)
    assert (event["source"], event["detail-type"]) == ("switchgear", "Opened")
    told = event["detail"]
    assert (told["action"], told["subjects"], told["level"]) == ("tell", ["circuit:payment"], "open")
    assert told["reason"] == "payment: tested"
    assert len(told["id"]) == 32
    payment.turn(State.HALF_OPEN, State.CLOSED)
    reconciling.reconcile()
    closed = [event for event in received(url) if event["detail"]["level"] == "closed"]
    assert [event["detail-type"] for event in closed] == ["Closed"]
    assert AwsCall.objects.count() == 2


def test_a_pipe_that_does_not_exist_is_told_and_the_circuit_moves_as_ever(payment):
    actions.put("stop-subs", PIPE, by=SYSTEM)
    payment.turn(State.OPEN)
    reconciling.reconcile()
    row = Holding.objects.get()
    assert (row.status, row.attempts) == ("failing", 1)
    assert "NotFoundException" in row.error
    payment.turn(State.HALF_OPEN)
    make_pipe()
    actions.retry("stop-subs", by=SYSTEM)
    reconciling.reconcile()
    assert (Holding.objects.get().status, pipe_state()) == ("reached", "STOPPED")


def test_while_the_store_is_away_everything_is_left_as_it_is(payment):
    make_pipe()
    actions.put("stop-subs", PIPE, by=SYSTEM)
    payment.turn(State.OPEN)
    reconciling.reconcile()
    payment.plane.store_ok = False
    payment.plane.circuits["payment"].circuit = machine.Circuit()
    assert reconciling.reconcile() == 0
    assert pipe_state() == "STOPPED"
    assert Holding.objects.get().desired == "STOPPED"


def test_a_disabled_action_holds_nothing(payment):
    make_pipe()
    actions.put("stop-subs", PIPE | {"enabled": False}, by=SYSTEM)
    payment.turn(State.OPEN)
    reconciling.reconcile()
    assert pipe_state() == "RUNNING"
    assert not Holding.objects.exists()


def test_a_pipe_that_is_just_stopping_is_waited_for(payment):
    make_pipe()
    actions.put("stop-subs", PIPE, by=SYSTEM)
    payment.turn(State.OPEN)
    (want,) = wants_of(payment.plane)
    reconciling._written_down({want.key: want}, clock.now())
    stopping = msgspec.structs.replace(want, seen=lambda answer: "STOPPING")
    reconciling._bring_about(stopping, Holding.objects.get())
    row = Holding.objects.get()
    assert (row.status, row.actual, row.error) == ("on the way", "STOPPING", "")
    assert not AwsCall.objects.exists()


def test_every_kind_is_said_in_one_sentence():
    said = {
        kind: sentence(complete("a", {"subjects": ["circuit:payment"], "kind": kind, "name": "x"}))
        for kind in ("pipe", "parameter", "event")
    }
    assert said == {
        "pipe": "Follows circuit payment and holds the EventBridge Pipe x: while it is open, STOPPED; while it is "
        "closed, RUNNING.",
        "parameter": "Follows circuit payment and holds the SSM parameter x: while it is open, true; while it is "
        "closed, false.",
        "event": "Follows circuit payment and puts on the EventBridge bus x: “Opened” when it opens, “Closed” when it "
        "closes.",
    }
    assert Action.objects.count() == 0
