"""Tasks that call AWS, on ministack: results and errors as Step Functions' optimized integrations give them."""

import io
import json
import time
import zipfile

import pytest

from compositions import resources
from compositions.asl.ports import Place, TaskCall
from compositions.resources import CallContext, ResourceError
from controlplane.aws import clients
from controlplane.aws.plans import Call

SQS = "arn:aws:states:::sqs:sendMessage"
EVENTS = "arn:aws:states:::events:putEvents"
LAMBDA = "arn:aws:states:::lambda:invoke"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello"
CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no such order")
    return {"hello": event.get("name")}
"""


def made(service: str, operation: str, **parameters):
    return clients.send(Call(service, operation, parameters))


@pytest.fixture
def hello(aws):
    """A Python function, which ministack runs for real."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("hello.py", CODE)
    role = "arn:aws:iam::123456789012:role/f"
    code = {"ZipFile": packed.getvalue()}
    made(
        "lambda",
        "create_function",
        FunctionName="hello",
        Runtime="python3.11",
        Role=role,
        Handler="hello.handler",
        Code=code,
    )


async def serve(flow, resource, parameters, **more):
    task = TaskCall("Ask", resource, parameters, Place((("Ask", 1),), 1, "call"))
    return await resources.serve(task, CallContext(flow=flow, **more))


async def refused(flow, resource, parameters, **more) -> ResourceError:
    with pytest.raises(ResourceError) as found:
        await serve(flow, resource, parameters, **more)
    return found.value


async def test_a_message_is_sent_and_a_body_that_is_no_text_is_json(aws, flow):
    url = made("sqs", "create_queue", QueueName="orders")["QueueUrl"]
    answer = await serve(flow, SQS, {"QueueUrl": url, "MessageBody": {"id": 7}})
    assert len(answer["MessageId"]) == 36
    assert len(answer["MD5OfMessageBody"]) == 32
    assert answer["SdkHttpMetadata"]["HttpStatusCode"] == 200
    (message,) = made("sqs", "receive_message", QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"id": 7}


async def test_a_fifo_queue_knows_a_message_that_is_sent_again_under_the_same_key(aws, flow):
    attributes = {"FifoQueue": "true"}
    url = made("sqs", "create_queue", QueueName="orders.fifo", Attributes=attributes)["QueueUrl"]
    for _ in range(2):
        message = {"QueueUrl": url, "MessageBody": "one", "MessageGroupId": "a"}
        await serve(flow, SQS, message, idempotency_key="key-1")
    assert len(made("sqs", "receive_message", QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1


async def test_a_queue_that_does_not_exist_is_named(aws, flow):
    error = await refused(flow, SQS, {"QueueUrl": f"{aws.url}/123456789012/nobody", "MessageBody": "x"})
    assert error.error == "SQS.QueueDoesNotExist"


async def test_events_are_put_and_a_rule_delivers_them_to_a_queue(aws, flow):
    url = made("sqs", "create_queue", QueueName="told")["QueueUrl"]
    made("events", "put_rule", Name="told", EventPattern='{"source": ["shop"]}')
    to = [{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:told"}]
    made("events", "put_targets", Rule="told", Targets=to)
    entry = {"Source": "shop", "DetailType": "Ordered", "Detail": {"id": 7}}
    answer = await serve(flow, EVENTS, {"Entries": [entry]})
    assert answer["FailedEntryCount"] == 0
    (message,) = made("sqs", "receive_message", QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["detail"] == {"id": 7}


async def test_entries_must_be_a_list(aws, flow):
    assert (await refused(flow, EVENTS, {"Entries": {}})).error == "States.Runtime"


async def test_a_function_answers_with_its_payload(hello, flow):
    answer = await serve(flow, LAMBDA, {"FunctionName": "hello", "Payload": {"name": "Ann"}})
    assert (answer["Payload"], answer["StatusCode"]) == ({"hello": "Ann"}, 200)
    assert await serve(flow, ARN, {"name": "Bob"}) == {"hello": "Bob"}


async def test_what_a_function_raises_is_the_tasks_error_by_the_type_that_its_answer_names(hello, flow):
    error = await refused(flow, ARN, {"fail": True})
    told = json.loads(error.cause)
    assert (error.error, told["errorMessage"]) == (told["errorType"], "no such order")


async def test_a_function_that_does_not_exist_is_named(aws, flow):
    error = await refused(flow, LAMBDA, {"FunctionName": "nobody"})
    assert error.error == "Lambda.ResourceNotFoundException"


async def test_no_call_outlives_the_run(aws, flow):
    error = await refused(flow, LAMBDA, {"FunctionName": "hello"}, deadline=time.monotonic() - 1)
    assert error.error == "States.Timeout"


@pytest.mark.parametrize(
    ("resource", "error"),
    [(SQS, "SQS.Unavailable"), (EVENTS, "EventBridge.Unavailable"), (LAMBDA, "Lambda.Unavailable")],
)
async def test_without_aws_the_error_names_the_remedy(flow, settings, resource, error):
    settings.AWS_CONFIGURED = False
    parameters = {"QueueUrl": "x", "MessageBody": "x", "Entries": [], "FunctionName": "x"}
    found = await refused(flow, resource, parameters)
    assert found.error == error
    assert "Set AWS_REGION" in found.cause
    assert "Set AWS_REGION" in resources.find(resource).lacks()


async def test_nobody_at_the_endpoint_is_an_error_of_the_sdk(aws, flow, settings):
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:1"
    assert (await refused(flow, LAMBDA, {"FunctionName": "hello"})).error == "Lambda.SdkClientException"
