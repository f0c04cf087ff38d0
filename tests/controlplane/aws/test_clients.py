"""One call to AWS and what comes back: answers, refusals by name, silence, other accounts. Spoken to ministack."""

from __future__ import annotations

import socket
import threading

import pytest

from controlplane.aws import clients
from controlplane.aws.errors import AwsAway, AwsNotConfigured, AwsRefused
from controlplane.aws.plans import Call


def test_a_parameter_that_was_put_is_read_back(aws):
    clients.send(Call("ssm", "put_parameter", {"Name": "/a/b", "Value": "one", "Type": "String"}))
    answer = clients.send(Call("ssm", "get_parameter", {"Name": "/a/b"}))
    assert answer["Parameter"]["Value"] == "one"
    assert "ResponseMetadata" not in answer


def test_a_refusal_carries_the_name_that_aws_gives_it(aws):
    with pytest.raises(AwsRefused, match=r"pipes.describe_pipe: NotFoundException") as refused:
        clients.send(Call("pipes", "describe_pipe", {"Name": "nobody"}))
    assert (refused.value.code, refused.value.final) == ("NotFoundException", True)


def test_parameters_that_aws_does_not_know_are_refused_before_they_are_sent(aws):
    with pytest.raises(AwsRefused, match="Nam") as refused:
        clients.send(Call("ssm", "get_parameter", {"Nam": "/a"}))
    assert refused.value.code == "ParamValidationError"


def test_without_a_region_the_remedy_is_named(settings):
    settings.AWS_CONFIGURED = False
    with pytest.raises(AwsNotConfigured, match="Set AWS_REGION"):
        clients.send(Call("ssm", "get_parameter", {"Name": "/a"}))


def test_nobody_listening_is_told_as_out_of_reach(aws, settings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.AWS_ENDPOINT_URL = f"http://127.0.0.1:{port}"
    with pytest.raises(AwsAway, match="ssm: Could not connect"):
        clients.send(Call("ssm", "get_parameter", {"Name": "/a"}))


def test_an_account_without_a_role_is_refused_and_named(aws):
    with pytest.raises(AwsNotConfigured, match=r"210987654321.*AWS_ROLES"):
        clients.send(Call("ssm", "get_parameter", {"Name": "/a"}, account="210987654321"))


def test_another_account_is_entered_by_its_role(aws, settings):
    settings.AWS_ROLES = ["arn:aws:iam::210987654321:role/switchgear"]
    settings.AWS_EXTERNAL_ID = "shared-with-them"
    there = clients.send(Call("sts", "get_caller_identity", account="210987654321"))
    here = clients.send(Call("sts", "get_caller_identity"))
    assert there["Arn"] != here["Arn"]
    assert "switchgear" in there["Arn"]


def test_threads_share_one_client(aws):
    made = []
    threads = [threading.Thread(target=lambda: made.append(clients._client("ssm", "", "", "brief"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, made))) == 1


def test_a_client_gives_up_in_seconds_and_the_patient_one_outlasts_a_long_poll(aws):
    brief, patient = (clients._client("sqs", "", "", patience).meta.config for patience in ("brief", "long"))
    assert (brief.connect_timeout, brief.read_timeout, brief.retries["mode"]) == (2, 10, "standard")
    assert patient.read_timeout > 20
