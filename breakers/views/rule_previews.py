"""What a change of a request rule does, as its preview shows it."""

from typing import Any

from breakers import rules_reading
from breakers.core.statements import sentence
from breakers.documents.defaults import Document
from breakers.panels import rule_order, rule_trials
from breakers.panels import rules as panels

HOLDS_BACK = ("block", "challenge")


def effects(slug: str, before: Document | None, after: Document) -> dict[str, Any]:
    """`before` is None for a new rule, of which nothing is known yet."""
    same = before is not None and all(before[name] == after[name] for name in ("statement", "rate", "stage"))
    holds = after["action"] in HOLDS_BACK and after["enabled"]
    found: dict[str, Any] = {
        "order": rule_order.neighbours(slug, after),
        "which": panels.capitalised(sentence(after["statement"])),
        "pace": panels.pace(after),
        "holds": holds,
        "everything": holds and not after["statement"] and after["rate"] is None,
        "unseen": before is None and holds,
        "anew": before is not None and after["rate"] is not None and not same,
    }
    if before is None:
        return found
    known = holds and same
    found["would"] = panels.would(before, panels.last_hour(slug)) if known else None
    found["away"] = known and found["would"] is None
    if before["statement"] != after["statement"]:
        sampled = rule_trials.of_samples(after["statement"], rules_reading.samples(slug) or [])
        found["sampled"] = rule_trials.sampled_words(sampled)
    return found
