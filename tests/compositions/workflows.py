"""Definitions for tests, in few words."""

from typing import Any

Definition = dict[str, Any]
HTTP = "arn:aws:states:::http:invoke"
SYNC = "arn:aws:states:::aws-sdk:sfn:startSyncExecution"


def workflow(**states: Definition) -> Definition:
    """A JSONata machine that begins with the first state."""
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def task(target: str, **rest: Any) -> Definition:
    """A Task that calls a target; the end, unless `Next` is given."""
    arguments = {"ApiEndpoint": f"target://{target}/items", "Method": "GET"}
    return {
        "Type": "Task",
        "Resource": HTTP,
        "Arguments": arguments,
        **({} if "Next" in rest else {"End": True}),
        **rest,
    }


def asking(target: str, **rest: Any) -> Definition:
    return workflow(Ask=task(target, **rest))


def express(*targets: str, **rest: Any) -> Definition:
    """A Parallel with a branch for each target."""
    branches = [workflow(**{f"Ask {number}": task(target)}) for number, target in enumerate(targets, 1)]
    for branch in branches:
        del branch["QueryLanguage"]
    return workflow(All={"Type": "Parallel", "Branches": branches, "End": True, **rest})


def nested(composition: str, **rest: Any) -> Definition:
    arn = f"arn:aws:states:eu-west-1:123456789012:stateMachine:{composition}"
    run = {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": arn}, "End": True}
    return workflow(Run={**run, **rest})
