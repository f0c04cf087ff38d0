"""An action in one sentence."""

from typing import Any

from . import KINDS


def sentence(document: dict[str, Any]) -> str:
    """`While circuit payment is open, the EventBridge Pipe subscriptions is STOPPED; while it is closed, RUNNING.`"""
    kind = KINDS[document["kind"]]
    names = [name.replace(":", " ", 1) for name in document["subjects"]]
    several = len(names) > 1
    follows = f"one of {', '.join(names)}" if several else names[0]
    opened, closed = document["when_open"], document["when_closed"]
    thing = f"the {kind.named} {document['name']}"
    if document["kind"] == "event":
        told = [f"“{value}” when {turn}" for value, turn in ((opened, "it opens"), (closed, "it closes")) if value]
        text = f"Follows {follows} and puts on {thing}: {', '.join(told)}."
    else:
        held = [
            f"while {'one' if several else 'it'} is open, {opened}" if opened else "",
            f"while {'all are' if several else 'it is'} closed, {closed}" if closed else "",
        ]
        text = f"Follows {follows} and holds {thing}: {'; '.join(filter(None, held))}."
    return text if document["enabled"] else f"Disabled. {text}"
