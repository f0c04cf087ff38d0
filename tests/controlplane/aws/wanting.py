"""A publisher for tests: wants are put into a list."""

from __future__ import annotations

from controlplane.aws.plans import Call, Plan, Want

WANTED: list[Want] = []


def wanted() -> list[Want]:
    return list(WANTED)


def parameter(value: str, name: str = "/flag", **more) -> Want:
    put = Call("ssm", "put_parameter", {"Name": name, "Value": value, "Type": "String", "Overwrite": True})
    return Want(
        f"parameter:{name}",
        f"Parameter {name}",
        value,
        Plan(f"Put {name}", (put,)),
        look=Call("ssm", "get_parameter", {"Name": name}),
        seen=lambda answer: answer["Parameter"]["Value"],
        absent=("ParameterNotFound",),
        **more,
    )


def event(turn: str, **more) -> Want:
    entry = {"Source": "switchgear", "DetailType": "Turned", "Detail": f'{{"turn": "{turn}"}}'}
    return Want(
        "event:turned",
        "Event Turned",
        "told",
        Plan("Put an event", (Call("events", "put_events", {"Entries": [entry]}),)),
        turn=turn,
        **more,
    )
