"""Services that a Task calls: the patterns they offer and the parameters they cannot do without."""

import pytest

from compositions.asl.validate import validate
from tests.compositions.asl.validate.definitions import only, state


@pytest.mark.parametrize(
    "called",
    [
        "states:startExecution.sync:2",
        "states:startExecution.waitForTaskToken",
        "glue:startJobRun.sync",
        "aws-sdk:s3:listBuckets.waitForTaskToken",
        "http:invoke.waitForTaskToken",
        "newer:service.sync",
    ],
)
def test_a_pattern_that_the_service_offers_is_taken(called):
    assert validate(state("Task", Resource=f"arn:aws:states:::{called}")) == []


@pytest.mark.parametrize(
    ("called", "pattern"),
    [
        ("lambda:invoke.sync", ".sync"),
        ("dynamodb:getItem.waitForTaskToken", ".waitForTaskToken"),
        ("glue:startJobRun.waitForTaskToken", ".waitForTaskToken"),
        ("aws-sdk:s3:listBuckets.sync:2", ".sync"),
    ],
)
def test_a_pattern_that_the_service_does_not_offer_is_refused(called, pattern):
    problem = only(state("Task", Resource=f"arn:aws:states:::{called}"))
    assert problem.path == "/States/State/Resource"
    assert f"does not support the '{pattern}' service integration" in problem.message


def test_a_parameter_that_the_service_needs_is_missed():
    problem = only(state("Task", Resource="arn:aws:states:::sqs:sendMessage", Parameters={"QueueUrl.$": "$.q"}))
    assert (problem.path, problem.message) == (
        "/States/State/Parameters",
        "The field 'MessageBody' is required but was missing. Add MessageBody.",
    )
    arguments = {"ApiEndpoint": "{% $states.input.url %}"}
    problem = only(state("Task", jsonata=True, Resource="arn:aws:states:::http:invoke", Arguments=arguments))
    assert problem.message.startswith("The field 'Method' is required")


@pytest.mark.parametrize("given", [{}, {"Arguments": "{% $states.input %}"}])
def test_parameters_that_are_not_listed_are_not_judged(given):
    assert validate(state("Task", jsonata=True, Resource="arn:aws:states:::http:invoke", **given)) == []
