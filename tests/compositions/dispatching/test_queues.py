"""A queue's messages become intents, once each, and leave the queue only when they are committed.

Against an SQS on loopback, which keeps messages, hides what was received, and forgets what is deleted.
"""

import asyncio
import json
from typing import Any

import pytest

from compositions.dispatching.queues import QueueSource, keep, receive
from compositions.intake.terms import Terms
from compositions.models import Intent
from controlplane.aws import clients
from controlplane.aws.plans import Call

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.usefixtures("aws")]
SCHEMA = {"type": "object", "required": ["plan"]}


@pytest.fixture
def queue(aws: Any) -> str:
    return str(send("create_queue", QueueName="subscriptions", Attributes={"VisibilityTimeout": "1"})["QueueUrl"])


def send(operation: str, **parameters: Any) -> dict[str, Any]:
    return clients.send(Call("sqs", operation, parameters))


def put(queue: str, body: Any, **attributes: str) -> None:
    given = {name.replace("_", "-"): {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
    text = body if isinstance(body, str) else json.dumps(body)
    send("send_message", QueueUrl=queue, MessageBody=text, MessageAttributes=given)


def left(queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = send("get_queue_attributes", QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def pipe(queue: str, **more: Any) -> dict[str, Any]:
    return {"max_backlog": 100, "schema": SCHEMA, "source": {"type": "sqs", "queue_url": queue}, **more}


def source(queue: str, **more: Any) -> QueueSource:
    async def ask(function: Any, *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)

    return QueueSource("onboarding", pipe(queue, **more), ask)


def rows() -> list[Intent]:
    return list(Intent.objects.order_by("id"))


async def test_messages_become_intents_and_leave_the_queue(queue: str) -> None:
    for number in range(3):
        put(queue, {"plan": "premium", "number": number}, X_Campaign="spring")
    at = source(queue, keep_headers=["x-campaign"])
    for _ in range(3):
        await at.look(wait_s=1)
    found = await asyncio.to_thread(rows)
    assert sorted(json.loads(row.body)["number"] for row in found) == [0, 1, 2]
    assert {(row.status, row.headers) for row in found} == {("ACCEPTED", '{"x-campaign": "spring"}')}
    assert left(queue) == 0


async def test_a_message_that_comes_again_is_one_intent(queue: str) -> None:
    put(queue, {"plan": "premium"})
    terms = Terms("onboarding", pipe(queue))
    (message,) = await asyncio.to_thread(receive, queue, 10, 1)
    await asyncio.to_thread(keep, terms, [message])
    await asyncio.to_thread(keep, terms, [message])  # the process died before it could delete it
    assert len(await asyncio.to_thread(rows)) == 1


async def test_what_the_pipe_does_not_take_is_a_dead_letter_with_the_reason(queue: str) -> None:
    put(queue, {"colour": "red"})
    put(queue, "no json at all")
    at = source(queue)
    for _ in range(2):
        await at.look(wait_s=1)
    found = {row.body: row for row in await asyncio.to_thread(rows)}
    assert set(found) == {'{"colour": "red"}', '"no json at all"'}
    assert {row.status for row in found.values()} == {"DEAD"}
    assert "required" in found['{"colour": "red"}'].reason
    assert left(queue) == 0


async def test_a_full_backlog_leaves_messages_in_the_queue(queue: str) -> None:
    for number in range(3):
        put(queue, {"plan": "premium", "number": number})
    at = source(queue, max_backlog=2)
    for _ in range(4):
        await at.look(wait_s=1)
    assert len(await asyncio.to_thread(rows)) == 2
    assert left(queue) == 1


async def test_a_key_of_the_senders_own_is_honoured(queue: str) -> None:
    put(queue, {"plan": "premium"}, Idempotency_Key="order-7")
    put(queue, {"plan": "premium"}, Idempotency_Key="order-7")
    put(queue, {"plan": "basic"}, Idempotency_Key="order-7")
    at = source(queue)
    for _ in range(3):
        await at.look(wait_s=1)
    found = await asyncio.to_thread(rows)
    assert sorted(row.status for row in found) == ["ACCEPTED", "DEAD"]
