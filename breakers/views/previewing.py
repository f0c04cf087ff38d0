"""What a change does, as the preview's template shows it (breakers/previews.py judges)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from breakers import previews
from breakers.core.capacity import Finding
from breakers.core.limits import Explained
from breakers.documents.defaults import Document
from breakers.models import UsagePlan
from breakers.operations.plans import working
from breakers.panels.findings import shown
from breakers.panels.wording import count, share, things
from breakers.usage import Replayed

NAMED, ROWS = 12, 40


class ChangedLimit(NamedTuple):
    """Requests whose limits differ. A text is empty where the plan opens nothing."""

    methods: str
    where: str
    before: Sequence[str] | None
    after: Sequence[str] | None


def effects(kind: str, slug: str, before: Document | None, after: Document) -> dict[str, Any]:
    found = previews.preview(kind, {**after, "slug": slug})
    altered, arising, settled = _sorted_out(found.gone, found.appeared)
    own = [finding for finding in found.findings_after if finding.touches(kind, slug)]
    staying = [finding for finding in own if finding not in found.appeared]
    changed = [
        ChangedLimit(
            " ".join(each.methods),
            f"{each.route} in {each.stage}" + (f", plan {each.plan}" if each.plan else ""),
            _said(each.before),
            _said(each.after),
        )
        for each in found.changes
    ]
    return {
        "keys": len(found.keys),
        "consumers": len(found.consumers),
        "named": found.consumers[:NAMED],
        "unnamed": max(0, len(found.consumers) - NAMED),
        "anybody": found.anybody,
        "limits": changed[:ROWS],
        "more_limits": max(0, len(changed) - ROWS),
        "arising": shown(arising),
        "settled": shown(settled),
        "altered": [(shown([before])[0], shown([now])[0]) for before, now in altered],
        "staying": shown(staying),
        "counting": after.get("mode") == "count",
        **_replay(found.replayed, overrides=bool(after.get("overrides"))),
    }


def plan(slug: str, before: Document | None, after: Document) -> dict[str, Any]:
    return effects("plan", slug, before, after)


def throttle(slug: str, before: Document | None, after: Document) -> dict[str, Any]:
    return effects("throttle", slug, before, after)


def stage(slug: str, before: Document | None, after: Document) -> dict[str, Any]:
    return effects("stage", slug, before, after)


def keys_of_plan(row: UsagePlan) -> list[dict[str, str]]:
    """The working keys that keep a plan, as the page that deletes it lists them."""
    keys = working(row.keys.select_related("consumer"))
    return [
        {"kind": "consumer", "slug": key.consumer.slug, "title": f"{key.consumer} (key {key.prefix}…)"} for key in keys
    ]


def _said(explained: Sequence[Explained] | None) -> Sequence[str] | None:
    return None if explained is None else [each.why for each in explained]


def _sorted_out(
    gone: Sequence[Finding], appeared: Sequence[Finding]
) -> tuple[list[tuple[Finding, Finding]], list[Finding], list[Finding]]:
    """(before and after of what differs only in its figures, what newly does not fit, what would fit again)."""

    def subject(finding: Finding) -> tuple[str, str, str]:
        return finding.kind, finding.slug, finding.code

    counts = Counter(subject(finding) for finding in [*gone, *appeared])
    before = {subject(finding): finding for finding in gone}
    pairs = [(before[subject(now)], now) for now in appeared if subject(now) in before and counts[subject(now)] == 2]
    paired = {id(finding) for pair in pairs for finding in pair}
    return pairs, [f for f in appeared if id(f) not in paired], [f for f in gone if id(f) not in paired]


def _replay(replayed: Replayed | None, *, overrides: bool) -> dict[str, Any]:
    """How many recorded requests would have been refused, in words and by consumer."""
    if replayed is None:
        return {"replay": ""}
    minutes = replayed.seconds // 60
    if not replayed.requests:
        return {"replay": f"No requests that it covers were recorded in the last {minutes} min."}
    words = (
        f"{count(replayed.refused)} of {things(replayed.requests, 'request')} of the last {minutes} min "
        f"would have been throttled ({share(replayed.refused, replayed.requests)})."
    )
    if overrides:
        words += " Overrides are left out: requests are not recorded by route."
    hardest = sorted(replayed.by_consumer.items(), key=lambda each: -each[1])[:10]
    return {"replay": words, "replayed_of": [(name, count(refused)) for name, refused in hardest]}
