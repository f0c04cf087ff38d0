"""Switchgear and AWS, emulated: an alarm opens a circuit, a pipe is stopped and a parameter says so; all is undone when
the circuit closes. Stories on a whole Switchgear that speaks to ministack.
"""

import json

import pytest

from controlplane.aws import clients
from controlplane.aws.plans import Call
from tests.servers.ministack import ACCOUNT, REGION
from tests.servers.processes import wait_until
from tests.servers.stack import Stack

from .journey_of_a_target import Guarded

PIPE_STATE = Call("pipes", "describe_pipe", {"Name": "subscriptions"})
FLAG = Call("ssm", "get_parameter", {"Name": "/switchgear/delay/payment"})


@pytest.fixture(scope="module")
def stack_at_aws(ministack, tmp_path_factory):
    """A Switchgear whose processes have credentials of ministack."""
    env = {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": ministack.url}
    env |= {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "none"}
    running = Stack(tmp_path_factory.mktemp("at-aws"), workers=1, env=env)
    try:
        yield running.start()
    finally:
        running.end()


def made(service: str, operation: str, **parameters):
    return clients.send(Call(service, operation, parameters))


def pipe() -> str:
    return clients.send(PIPE_STATE)["CurrentState"]


def delayed() -> bool:
    return json.loads(clients.send(FLAG)["Parameter"]["Value"])["delayed"]


def tell_by_api_destination(url: str, key: str) -> None:
    """A rule hands alarms over to an API destination, as it would those of CloudWatch."""
    made(
        "events",
        "create_connection",
        Name="switchgear",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Api-Key", "ApiKeyValue": key}},
    )
    connection = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/switchgear"
    connection = made("events", "describe_connection", Name="switchgear").get("ConnectionArn", connection)
    destination = made(
        "events",
        "create_api_destination",
        Name="switchgear",
        ConnectionArn=connection,
        InvocationEndpoint=url,
        HttpMethod="POST",
    )["ApiDestinationArn"]
    made("events", "put_rule", Name="alarms", EventPattern='{"detail-type": ["CloudWatch Alarm State Change"]}')
    role = f"arn:aws:iam::{ACCOUNT}:role/events"
    made("events", "put_targets", Rule="alarms", Targets=[{"Id": "1", "Arn": destination, "RoleArn": role}])


def change_alarm(value: str) -> None:
    detail = {"alarmName": "subscriptions-failed", "state": {"value": value, "reason": "7 executions failed"}}
    entry = {"Source": "watch", "DetailType": "CloudWatch Alarm State Change", "Detail": json.dumps(detail)}
    made("events", "put_events", Entries=[entry])


def test_an_alarm_stops_the_pipe_and_raises_the_flag_and_only_a_probe_starts_it_again(aws, stack_at_aws, downstream):
    guarded = Guarded(stack_at_aws, downstream, "payment")
    downstream.behave("/health", status=503)
    queue, machine = f"arn:aws:sqs:{REGION}:{ACCOUNT}:intents", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:s"
    role = f"arn:aws:iam::{ACCOUNT}:role/pipe"
    made("pipes", "create_pipe", Name="subscriptions", RoleArn=role, Source=queue, Target=machine)
    guarded.put(
        "actions/stop-subscriptions", {"subjects": ["circuit:payment"], "kind": "pipe", "name": "subscriptions"}
    )
    alarms = [{"alarm": "subscriptions-*", "target": "payment"}]
    guarded.put("alarm-sources/cloudwatch", {"scheme": "api_key", "alarms": alarms})
    key = stack_at_aws.api("POST", "alarm-sources/cloudwatch/secret", {}).json()["secret"]
    tell_by_api_destination(f"{stack_at_aws.control}/api/v1/alarms/cloudwatch", key)
    wait_until(lambda: action(stack_at_aws)["status"] == "reached", 15, "the pipe is held")
    assert (pipe(), action(stack_at_aws)["calls"]) == ("RUNNING", [])

    change_alarm("ALARM")
    guarded.eventually(lambda: guarded.breaker()["observed_state"] == "OPEN", "the alarm opens the circuit")
    assert guarded.breaker()["reason"] == "alarm subscriptions-failed of cloudwatch: 7 executions failed"
    wait_until(lambda: pipe() == "STOPPED", 15, "the pipe is stopped")
    wait_until(delayed, 15, "the parameter says so")
    mirrored = stack_at_aws.data_dir / "mirror" / "payment.json"
    wait_until(lambda: json.loads(mirrored.read_text())["delayed"], 15, "the file says so")

    change_alarm("OK")
    seen = lambda: stack_at_aws.api("GET", "alarm-sources/cloudwatch/messages").json()  # noqa: E731
    wait_until(lambda: [message["outcome"] for message in seen()] == ["recorded", "opened"], 15, "OK came in")
    assert guarded.breaker()["effective_state"] in ("OPEN", "HALF_OPEN")
    assert pipe() == "STOPPED"

    downstream.behave("/health", status=200)
    guarded.eventually(lambda: guarded.breaker()["observed_state"] == "CLOSED", "a probe closes it", within_s=20)
    wait_until(lambda: pipe() == "RUNNING", 15, "the pipe is started")
    wait_until(lambda: not delayed(), 15, "the parameter is cleared")
    assert [call["call"].split("(")[0] for call in action(stack_at_aws)["calls"]] == [
        "pipes.start_pipe",
        "pipes.stop_pipe",
    ]


def action(stack: Stack):
    return stack.api("GET", "actions/stop-subscriptions/state").json()


def test_with_aws_out_of_reach_circuits_and_probes_go_on_and_the_board_says_so(stack_at_aws, downstream, ministack):
    guarded = Guarded(stack_at_aws, downstream, "search")
    wait_until(lambda: readiness(stack_at_aws)["status"] == "ok", 20, "all holds")
    ministack.process.send_signal(19)  # SIGSTOP: it takes connections and answers nothing
    try:
        guarded.trip()
        guarded.eventually(lambda: guarded.breaker()["observed_state"] == "OPEN", "it opens")
        guarded.mend()
        guarded.eventually(lambda: guarded.breaker()["observed_state"] == "CLOSED", "it closes by its probes")
        wait_until(lambda: readiness(stack_at_aws)["status"] == "warning", 60, "it is told")
    finally:
        ministack.process.send_signal(18)
    assert stack_at_aws.ask(stack_at_aws.control, "GET", "/readyz", None, {}).status == 200


def readiness(stack: Stack) -> dict[str, str]:
    return stack.ask(stack.control, "GET", "/readyz", None, {}).json()["checks"].get("aws", {"status": "none"})
