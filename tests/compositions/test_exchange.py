"""Definitions from elsewhere: bare, exported by Step Functions, in templates of CloudFormation and SAM."""

import json
from typing import Any

import pytest

from compositions.exchange import Brought, Unreadable, read

DEFINITION = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${Function}", "End": True}}}
TEXT = json.dumps(DEFINITION)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
FILLED = TEXT.replace("${Function}", ARN)


def resource(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


def test_a_bare_definition_is_taken_as_it_is_written() -> None:
    assert read(TEXT) == Brought(TEXT)
    assert read(DEFINITION) == Brought(DEFINITION)


def test_an_export_brings_its_name_type_and_description() -> None:
    export = {"stateMachineArn": "arn:…", "name": "page", "type": "EXPRESS", "definition": TEXT, "roleArn": "arn:…"}
    assert read(export) == read(json.dumps(export)) == Brought(TEXT, "EXPRESS", "page")


@pytest.mark.parametrize(
    "properties",
    [
        {"DefinitionString": FILLED},
        {"DefinitionString": TEXT, "DefinitionSubstitutions": {"Function": ARN}},
        {"DefinitionString": {"Fn::Sub": [TEXT, {"Function": ARN}]}},
        {"DefinitionString": {"Fn::Join": [ARN, TEXT.split("${Function}")]}},
    ],
)
def test_a_template_is_filled_in(properties: dict[str, Any]) -> None:
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role"}, "Page": resource(**properties)}}
    assert read(template) == read(resource(**properties)) == Brought(FILLED, "STANDARD")


def test_what_only_aws_knows_is_asked_for() -> None:
    source = resource(DefinitionString={"Fn::Sub": TEXT}, DefinitionSubstitutions={"Function": {"Ref": "Function"}})
    with pytest.raises(Unreadable, match=r"uses Function, .* Give them in substitutions"):
        read(source)
    assert read(source, {"Function": ARN}).definition == FILLED


def test_a_sam_template_in_yaml_is_read() -> None:
    source = f"""
Resources:
  Page:
    Type: AWS::Serverless::StateMachine
    Properties:
      Type: EXPRESS
      Name: page
      Definition:
        StartAt: A
        States:
          A: {{Type: Task, Resource: !GetAtt Function.Arn, TimeoutSeconds: 5, Comment: 2026-01-01, End: true}}
      DefinitionSubstitutions:
        Function.Arn: {ARN}
"""
    state = {"Type": "Task", "Resource": ARN, "TimeoutSeconds": 5, "Comment": "2026-01-01", "End": True}
    assert read(source) == Brought({"StartAt": "A", "States": {"A": state}}, "EXPRESS", "page")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{", "not JSON"),
        ("a: [", "neither JSON nor YAML"),
        ("just words", "Give an object"),
        ({"a": 1}, "This is no definition"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: !!python/object:os.system {}", "neither JSON nor YAML"),
        ({"Resources": {"A": resource(), "B": resource()}}, "2 state machines"),
        (resource(DefinitionS3Location={"Bucket": "b"}), "by an address"),
        ({"definition": TEXT, "type": "FAST"}, "EXPRESS or STANDARD"),
    ],
)
def test_what_cannot_be_read_says_why(source: Any, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(source)
