"""Messages of SQS, emulated, become intents: each once, in the database before it leaves the queue."""

import json

import pytest

from compositions.intake import queues, rows
from compositions.models import Intent
from compositions.operations import compositions, pipes
from controlplane.aws import clients
from controlplane.aws.errors import AwsAway
from controlplane.aws.plans import Call
from controlplane.kernel.access import Principal
from tests.servers.processes import wait_until

SYSTEM = Principal.system("test")
WORKFLOW = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


def made(operation: str, **parameters):
    return clients.send(Call("sqs", operation, parameters))


@pytest.fixture
def url(aws) -> str:
    """A queue whose messages are dead letters when nobody took them twice."""
    dead = "arn:aws:sqs:us-east-1:123456789012:dead"
    made("create_queue", QueueName="dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 2})
    attributes = {"VisibilityTimeout": "0", "RedrivePolicy": redrive}
    return made("create_queue", QueueName="intents", Attributes=attributes)["QueueUrl"]


@pytest.fixture
def pipe(db, url):
    compositions.put("onboard", {"type": "STANDARD", "definition": WORKFLOW}, by=SYSTEM)
    source = {"type": "sqs", "queue_url": url}
    return pipes.put("onboarding", {"target": "onboard", "source": source}, by=SYSTEM)[0]


def send(url: str, body: str, **attributes: str) -> None:
    told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    made("send_message", QueueUrl=url, MessageBody=body, MessageAttributes=told)


def left(url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = made("get_queue_attributes", QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)


def test_messages_are_accepted_as_intents_and_leave_the_queue(pipe, url):
    for number in range(3):
        send(url, json.dumps({"customer": number}))
    while queues.take(pipe, wait_s=0):
        pass
    assert sorted(json.loads(intent.body)["customer"] for intent in Intent.objects.all()) == [0, 1, 2]
    assert {(intent.pipe, intent.status) for intent in Intent.objects.all()} == {("onboarding", "ACCEPTED")}
    assert left(url) == 0


def test_a_message_that_comes_again_after_a_crash_is_known_and_deleted(pipe, url, settings):
    send(url, '{"customer": 1}')
    message = made("receive_message", QueueUrl=url)["Messages"][0]
    terms = queues.Terms(pipe.slug, queues.document(pipe))
    rows.insert([queues._offer(terms, message)], queues.clock.now())  # committed, and died before it deleted
    assert queues.take(pipe, wait_s=0) == 1
    assert Intent.objects.count() == 1
    assert left(url) == 0


def test_a_sender_that_repeats_itself_under_one_key_has_one_intent(pipe, url):
    for _ in range(2):
        send(url, '{"customer": 1}', **{"Idempotency-Key": "order-7"})
    while queues.take(pipe, wait_s=0):
        pass
    assert Intent.objects.count() == 1
    assert left(url) == 0


def test_what_the_pipe_does_not_take_ends_among_the_queues_dead_letters_and_holds_up_nothing(pipe, url):
    send(url, "no JSON")
    send(url, '{"customer": 1}')
    for _ in range(6):
        queues.take(pipe, wait_s=0)
    assert [json.loads(intent.body) for intent in Intent.objects.all()] == [{"customer": 1}]
    assert left(url) == 0
    dead = made("get_queue_url", QueueName="dead")["QueueUrl"]
    assert [message["Body"] for message in made("receive_message", QueueUrl=dead)["Messages"]] == ["no JSON"]


def test_while_the_backlog_is_full_the_queue_keeps_what_comes(pipe, url):
    pipes.patch("onboarding", {"max_backlog": 1}, by=SYSTEM)
    pipe.refresh_from_db()
    for number in range(2):
        send(url, json.dumps({"customer": number}))
        queues.take(pipe, wait_s=0)
    assert (Intent.objects.count(), left(url)) == (1, 1)


def test_a_queue_out_of_reach_is_told(pipe, settings):
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:1"
    with pytest.raises(AwsAway):
        queues.take(pipe)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_queues_are_listened_to_on_threads_that_end_when_nothing_comes_and_say_how_it_went(pipe, url, valkey, settings):
    takers = queues.Takers(wait_s=0)

    def listen():
        takers.start()
        takers.start()
        wait_until(lambda: not takers._running, 15, "the thread has ended")
        return queues.health([])["queues"][:2]

    send(url, '{"customer": 1}')
    assert listen() == ("ok", "taken from for onboarding")
    assert Intent.objects.count() == 1
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:1"
    status, said = listen()
    assert status == "warning"
    assert "onboarding (sqs: Could not connect" in said


def test_without_aws_the_remedy_is_told(pipe, settings):
    settings.AWS_CONFIGURED = False
    assert "Set AWS_REGION" in queues.health([])["queues"][1]
