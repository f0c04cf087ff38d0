"""An event on an EventBridge bus, once for each turn: rules there start whatever else has to happen.

    source       switchgear
    detail-type  the action's value, such as "Opened"
    detail       {"id", "action", "subjects", "level": "open" | "closed", "since", "reason"}

`id` stays the same should an event ever be sent twice, so that receivers can tell.
"""

import json
import re

from controlplane.aws.plans import Plan, Want
from controlplane.kernel import canonical
from controlplane.kernel.clock import rfc3339

from .kinds import Held, Kind
from .levels import Level

SOURCE = "switchgear"
LONGEST = 128


def want(held: Held, level: Level) -> Want:
    detail = {
        "id": canonical.digest([held.slug, level.word, level.since_ms])[:32],
        "action": held.slug,
        "subjects": list(held.subjects),
        "level": level.word,
        "since": rfc3339(level.since_ms) if level.since_ms else None,
        "reason": level.reason,
    }
    entry = {
        "Source": SOURCE,
        "DetailType": held.value,
        "Detail": json.dumps(detail, ensure_ascii=False),
        "EventBusName": held.name,
    }
    return Want(
        key=held.key,
        title=f"Event {held.value} on {held.name}",
        desired=level.word,
        plan=Plan(f"Put {held.value} on the bus {held.name}", (held.call("events", "put_events", Entries=[entry]),)),
        calm=not level.stopped,
    )


def _wrong(value: str) -> str:
    return "" if len(value) <= LONGEST else f"A detail type has at most {LONGEST} characters."


EVENT = Kind(
    named="EventBridge bus",
    rule=re.compile(r"(?:arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus/)?[/.\-_A-Za-z0-9]{1,256}"),
    remedy="Write the name of a bus, such as default, or its ARN.",
    opened="Opened",
    closed="Closed",
    values=_wrong,
    want=want,
    shared=True,
)
