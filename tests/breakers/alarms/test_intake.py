"""Alarms as they are posted: what opens a circuit, what is only recorded, what is refused."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from breakers import hosting
from breakers.alarms import intake
from breakers.core.machine import Move
from breakers.core.states import State
from breakers.models import AlarmMessage, AlarmSource
from breakers.operations import alarm_sources, targets
from controlplane.audit.models import AuditEntry
from controlplane.aws import clients
from controlplane.aws.plans import Call
from controlplane.kernel.access import Principal
from tests.breakers.alarms.signing import TOPIC, Signer, signed_post
from tests.servers.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
SYSTEM = Principal.system("test")
SIGNER = Signer()
RULES = [{"alarm": "checkout-*", "target": "payment"}]


@pytest.fixture
def control(valkey, settings, tmp_path):
    """The data plane of this process's control, which knows the circuit `payment`."""
    settings.LAST_GOOD = tmp_path / "last-good.json"
    breaker = {"wait_duration_in_open_state_s": 60}
    targets.put("payment", {"base_url": "http://127.0.0.1:9001", "breaker": breaker}, by=SYSTEM)
    hosting._hosted.cache_clear()
    hosted = hosting.hosted("control")
    yield hosted
    hosted.run(hosted.plane.close())
    hosting._hosted.cache_clear()


@pytest.fixture
def topic(control):
    document = {"scheme": "sns", "topic_arn": TOPIC, "certificate": SIGNER.pem, "alarms": RULES}
    alarm_sources.put("watch", document, by=SYSTEM)
    return control


def post(document, slug="watch", **fields):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Client().post(f"/api/v1/alarms/{slug}", body, content_type="text/plain; charset=UTF-8", headers=fields)


def state(control, slug="payment") -> State:
    return control.plane.circuits[slug].circuit.state


def move(control, *states: State) -> None:
    guarded = control.plane.circuits["payment"]
    for to in states:
        control.run(control.plane.move(guarded, Move(guarded.circuit.epoch, to, "tested", openings=1, outage=True)))


def test_an_alarm_opens_the_circuit_as_the_breaker_would_and_says_why(topic):
    answer = post(SIGNER.alarm())
    assert (answer.status_code, answer.json()["outcome"]) == (200, "opened")
    circuit = topic.plane.circuits["payment"].circuit
    assert circuit.state is State.OPEN
    assert circuit.reason == "alarm checkout-failed of watch: Threshold Crossed"
    assert 50_000 < circuit.until_ms - circuit.since_ms <= 60_000  # the wait of its breaker, then probes
    assert topic.plane.circuits["payment"].override is None
    entry = AuditEntry.objects.get(action="alarm.open")
    assert (entry.subject, entry.by, entry.by_kind) == ("target:payment", "alarms:watch", "system")


@pytest.mark.parametrize("said", ["OK", "INSUFFICIENT_DATA"])
def test_whatever_else_an_alarm_says_never_closes_a_circuit(topic, said):
    post(SIGNER.alarm())
    answer = post(SIGNER.alarm(said))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "recorded")
    assert state(topic) is State.OPEN
    assert AlarmMessage.objects.count() == 2


def test_a_message_that_comes_twice_acts_once(topic):
    message = SIGNER.alarm()
    first = post(message)
    move(topic, State.HALF_OPEN, State.CLOSED)
    again = post(message)
    assert first.json() == again.json()
    assert state(topic) is State.CLOSED
    assert AlarmMessage.objects.count() == 1


def test_an_alarm_that_is_overtaken_by_the_circuits_recovery_opens_nothing(topic):
    before = datetime.now(UTC) - timedelta(seconds=5)
    move(topic, State.OPEN, State.HALF_OPEN, State.CLOSED)
    assert post(SIGNER.alarm(at=before)).json()["outcome"] == "overtaken"
    assert state(topic) is State.CLOSED


def test_an_alarm_of_long_ago_opens_nothing(topic):
    assert post(SIGNER.alarm(at=datetime.now(UTC) - timedelta(hours=1))).json()["outcome"] == "late"
    assert state(topic) is State.CLOSED


def test_an_open_circuit_keeps_its_wait_and_a_half_open_one_waits_again(topic):
    move(topic, State.OPEN)
    assert post(SIGNER.alarm()).json()["outcome"] == "already_open"
    move(topic, State.HALF_OPEN)
    assert post(SIGNER.alarm()).json()["outcome"] == "opened"
    assert state(topic) is State.OPEN


def test_an_alarm_that_no_rule_names_opens_nothing(topic):
    assert post(SIGNER.alarm(name="search-slow")).json()["outcome"] == "unmapped"
    assert state(topic) is State.CLOSED


def test_what_is_not_signed_by_the_certificate_is_refused_and_leaves_nothing(topic):
    for message in (
        SIGNER.alarm() | {"Signature": "FAKE"},
        Signer().alarm(),
        SIGNER.alarm(TopicArn="arn:aws:sns:us-east-1:123456789012:other"),
    ):
        refused = post(message)
        assert refused.status_code == 403
        assert "does not prove" in refused.json()["detail"]
    assert post(b"{").status_code == 400
    assert post({}, slug="nobody").status_code == 404
    assert Client().get("/api/v1/alarms/watch").status_code == 405
    assert state(topic) is State.CLOSED
    assert not AlarmMessage.objects.exists()


def test_without_a_configured_certificate_none_is_fetched_from_a_stranger(topic):
    alarm_sources.patch("watch", {"certificate": None}, by=SYSTEM)
    message = SIGNER.sign({**SIGNER.alarm(), "SigningCertURL": "https://evil.example/SimpleNotificationService-00.pem"})
    refused = post(message)
    assert refused.status_code == 403
    assert "SigningCertURL" in refused.json()["detail"]


def test_while_the_store_is_away_the_sender_is_told_to_try_again_and_then_it_opens(topic, valkey_server):
    message = SIGNER.alarm()
    valkey_server.stop()
    try:
        refused = post(message)
    finally:
        valkey_server.start()
    assert refused.status_code == 503
    assert refused["Retry-After"]
    assert post(message).json()["outcome"] == "opened"


def test_a_disabled_source_is_refused(topic):
    alarm_sources.patch("watch", {"enabled": False}, by=SYSTEM)
    assert post(SIGNER.alarm()).status_code == 403


# Shared secrets -------------------------------------------------------------------------------------------------------


@pytest.fixture
def secret(control) -> str:
    alarm_sources.put("watch", {"scheme": "hmac", "alarms": RULES}, by=SYSTEM)
    return alarm_sources.new_secret("watch", by=SYSTEM)[0]


FAILED = {"alarm": "checkout-failed", "state": "ALARM", "reason": "5 of 5 failed"}


def test_a_signed_post_opens_once_and_its_repetition_is_refused(control, secret):
    body, fields = signed_post(secret, FAILED, time.time())
    assert post(body, **fields).json()["outcome"] == "opened"
    assert control.plane.circuits["payment"].circuit.reason == "alarm checkout-failed of watch: 5 of 5 failed"
    again = post(body, **fields)
    assert (again.status_code, again.json()["outcome"]) == (409, "opened")


def test_a_post_outside_the_window_or_under_another_secret_is_refused(control, secret):
    for given, at in ((secret, time.time() - 400), (secret, time.time() + 400), ("other", time.time())):
        body, fields = signed_post(given, FAILED, at)
        assert post(body, **fields).status_code == 403
    assert post(FAILED).status_code == 403
    assert state(control) is State.CLOSED


def test_a_new_secret_leaves_the_old_one_its_grace_and_no_longer(control, secret):
    new, until = alarm_sources.new_secret("watch", by=SYSTEM)
    assert until is not None
    body, fields = signed_post(secret, FAILED, time.time())
    assert post(body, **fields).status_code == 200
    alarm_sources.new_secret("watch", by=SYSTEM, grace_s=0)
    body, fields = signed_post(new, FAILED, time.time())
    assert post(body, **fields).status_code == 403


def test_a_secret_is_kept_sealed_and_stands_in_no_document_and_no_audit(control, secret):
    row = AlarmSource.objects.get()
    assert secret not in row.secret
    told = json.dumps([list(AuditEntry.objects.values("before_json", "after_json", "reason"))], default=str)
    assert secret not in told
    assert row.secret not in told


def test_a_secret_is_sealed_anew_and_stays_the_same(control, secret):
    before = AlarmSource.objects.get().secret
    assert alarm_sources.reseal(by=SYSTEM) == ["watch"]
    assert AlarmSource.objects.get().secret != before
    body, fields = signed_post(secret, FAILED, time.time())
    assert post(body, **fields).status_code == 200


def test_an_api_destinations_event_is_believed_by_its_key(control):
    alarm_sources.put("watch", {"scheme": "api_key", "alarms": RULES}, by=SYSTEM)
    key = alarm_sources.new_secret("watch", by=SYSTEM)[0]
    now = datetime.now(UTC).isoformat()
    told = {"value": "ALARM", "reason": "Threshold Crossed", "timestamp": now}
    event = {
        "id": "e-1",
        "detail-type": "CloudWatch Alarm State Change",
        "time": now,
        "detail": {"alarmName": "checkout-failed", "state": told},
    }
    assert post(event, **{"X-Api-Key": "other"}).status_code == 403
    assert post(event, **{"X-Api-Key": key}).json()["outcome"] == "opened"
    move(control, State.HALF_OPEN, State.CLOSED)
    assert post(event, **{"X-Api-Key": key}).json()["outcome"] == "opened"  # as before; nothing was done
    assert state(control) is State.CLOSED
    assert post({"hello": 1}, **{"X-Api-Key": key}).status_code == 400


def test_a_post_that_names_neither_its_id_nor_a_moment_is_news_again_after_a_while(control):
    alarm_sources.put("watch", {"scheme": "api_key", "alarms": RULES, "max_age_s": 60}, by=SYSTEM)
    fields = {"X-Api-Key": alarm_sources.new_secret("watch", by=SYSTEM)[0]}
    body = b'{"alarm": "checkout-failed", "state": "ALARM"}'
    now = datetime.fromtimestamp(time.time() // 60 * 60, UTC)
    for after_s, then in ((0, State.OPEN), (30, State.CLOSED), (90, State.OPEN)):
        assert intake.receive("watch", fields, body, now=now + timedelta(seconds=after_s))["outcome"] != "late"
        assert state(control) is then
        if then is State.OPEN:
            move(control, State.HALF_OPEN, State.CLOSED)


# Through AWS's own services, emulated ---------------------------------------------------------------------------------


def made(service: str, operation: str, **parameters):
    return clients.send(Call(service, operation, parameters))


def delivered(downstream, kind: str) -> dict:
    """The newest message of SNS that came to the downstream."""

    def found():
        return [json.loads(request.body) for request in downstream.requests if f'"{kind}"'.encode() in request.body]

    wait_until(found, 10, f"SNS delivers a {kind}")
    return found()[-1]


@pytest.fixture
def subscribed(topic, aws, downstream):
    """A topic of ministack posts to the downstream. The test signs anew what came, for ministack signs nothing."""
    made("sns", "create_topic", Name="alarms")
    made("sns", "subscribe", TopicArn=TOPIC, Protocol="http", Endpoint=f"{downstream.url}/sns")
    return downstream


def test_a_subscription_is_confirmed_at_sns(subscribed):
    message = delivered(subscribed, "SubscriptionConfirmation")
    assert post(message).status_code == 403
    assert post(SIGNER.sign(message)).json()["outcome"] == "confirmed"
    (subscription,) = made("sns", "list_subscriptions")["Subscriptions"]
    assert subscription["SubscriptionArn"].startswith(f"{TOPIC}:")
    assert AuditEntry.objects.filter(action="alarm.confirm").exists()


def test_an_alarm_of_cloudwatch_comes_through_sns_and_opens_the_circuit(subscribed, control):
    confirmation = delivered(subscribed, "SubscriptionConfirmation")
    post(SIGNER.sign(confirmation))
    made(
        "cloudwatch",
        "put_metric_alarm",
        AlarmName="checkout-failed",
        Namespace="AWS/States",
        MetricName="ExecutionsFailed",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[TOPIC],
        OKActions=[TOPIC],
    )
    say = {"AlarmName": "checkout-failed", "StateReason": "7 executions failed"}
    made("cloudwatch", "set_alarm_state", StateValue="ALARM", **say)
    told = delivered(subscribed, "Notification")
    assert post(SIGNER.sign(told)).json()["outcome"] == "opened"
    assert state(control) is State.OPEN
    assert "7 executions failed" in control.plane.circuits["payment"].circuit.reason
