"""What a change to a plan, a throttle or a stage would do, before it is saved: whom it touches, which limits would be
effective where, what of the capacity arithmetic comes and goes, and how recorded requests would have fared.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from breakers import capacity, usage
from breakers.core import capacity as arithmetic
from breakers.core import forecast
from breakers.core.admitting import METERED
from breakers.core.capacity import Finding, Installation
from breakers.core.limits import Explained, burst_of
from breakers.documents import plans as plan_documents
from breakers.documents import stages as stage_documents
from breakers.documents import throttles as throttle_documents
from breakers.documents.defaults import Document
from breakers.models import ApiKey
from breakers.operations import plans
from breakers.store.usage import SECONDS_KEPT

DOCUMENTS = {"plan": plan_documents, "throttle": throttle_documents, "stage": stage_documents}
# Outcomes of requests that took, or would have taken, a token of a limit that everybody shares.
SHARED = {*METERED, "throttled:stage", "throttled:account"}
# Requests per second beyond any that were recorded.
UNLIMITED = 1e9


class Spot(NamedTuple):
    """Requests of one kind. `plan` is empty where none is metered, or where the change is the same for every plan."""

    stage: str
    route: str
    method: str
    plan: str


class LimitChange(NamedTuple):
    """Requests whose effective limits would differ. `before` or `after` is None where the plan opens nothing then."""

    stage: str
    route: str
    methods: tuple[str, ...]
    plan: str
    before: tuple[Explained, ...] | None
    after: tuple[Explained, ...] | None


class Preview(NamedTuple):
    """The effects of a change. `anybody` says that requests without a key are touched as well.

    `replayed` is None where it is not known: the store is away, or counts are not kept by what the limit covers.
    """

    keys: Sequence[str]  # ids of working keys
    consumers: Sequence[str]
    anybody: bool
    changes: Sequence[LimitChange]
    findings_before: Sequence[Finding]
    findings_after: Sequence[Finding]
    replayed: usage.Replayed | None

    @property
    def appeared(self) -> list[Finding]:
        """What would not fit any more."""
        known = {(each.kind, each.slug, each.code, each.sentence) for each in self.findings_before}
        return [f for f in self.findings_after if (f.kind, f.slug, f.code, f.sentence) not in known]

    @property
    def gone(self) -> list[Finding]:
        """What would fit again."""
        kept = {(each.kind, each.slug, each.code, each.sentence) for each in self.findings_after}
        return [f for f in self.findings_before if (f.kind, f.slug, f.code, f.sentence) not in kept]


def preview(kind: str, document: Mapping[str, Any]) -> Preview:
    """What saving this document of a "plan", "throttle" or "stage" would do; it has its slug, defaults may be left out.

    The document must have been checked.
    """
    whole: Document = DOCUMENTS[kind].complete(document["slug"], dict(document))
    before, after = capacity.installation(), capacity.installation({kind: whole})
    slug = whole["slug"]
    changes = _changes(before, after, slug if kind == "plan" else "")
    touched = {slug} if kind == "plan" else _metered(after, changes)
    keys = list(plans.working(ApiKey.objects.filter(plans__slug__in=touched)).distinct().select_related("consumer"))
    keyless = {route.slug for route in after.routes if not route.api_key_required}
    return Preview(
        keys=[key.pk for key in keys],
        consumers=sorted({key.consumer.slug for key in keys}),
        anybody=any(change.route in keyless for change in changes),
        changes=changes,
        findings_before=arithmetic.findings(before),
        findings_after=arithmetic.findings(after),
        replayed=_replayed(kind, whole, after),
    )


def _changes(before: Installation, after: Installation, plan: str) -> list[LimitChange]:
    """Where limits differ: of the plan, or, when it is empty, those that everybody shares. Alike methods together."""
    then, now = _explained(before, plan), _explained(after, plan)
    groups: dict[tuple[Any, ...], list[str]] = {}
    for spot in dict.fromkeys([*now, *then]):
        old, new = then.get(spot), now.get(spot)
        if _limits(old) != _limits(new):
            groups.setdefault((spot.stage, spot.route, spot.plan, old, new), []).append(spot.method)
    return [
        LimitChange(stage, route, tuple(methods), of, old, new)
        for (stage, route, of, old, new), methods in groups.items()
    ]


def _explained(installation: Installation, plan: str) -> dict[Spot, tuple[Explained, ...]]:
    limits = installation.limits()
    opened = next((each["stages"] for each in installation.plans if each["slug"] == plan), ())
    found = {}
    for route in installation.routes:
        for stage in route.stages:
            if plan and not (route.api_key_required and stage in opened):
                continue
            for method in route.methods:
                winners = tuple(each for each in limits.explain(stage, route.slug, method, plan or None) if each.wins)
                found[Spot(stage, route.slug, method, plan)] = winners
    return found


def _limits(explained: Sequence[Explained] | None) -> list[Any] | None:
    return None if explained is None else [each.limit for each in explained]


def _metered(installation: Installation, changes: Sequence[LimitChange]) -> set[str]:
    """The plans whose keys are used where limits differ."""
    keyed = {route.slug for route in installation.routes if route.api_key_required}
    stages = {change.stage for change in changes if change.route in keyed}
    return {each["slug"] for each in installation.plans if stages & set(each["stages"])}


def _replayed(kind: str, whole: Document, after: Installation) -> usage.Replayed | None:
    """Recorded requests against the new rate; a plan's overrides are left out, for counts are not kept by route."""
    everything = whole.get("scope") == "account"
    if kind == "stage" or whole.get("scope") == "stage":
        everything = len(after.stages) == 1
    if kind != "plan" and not everything:
        return None
    rate = UNLIMITED if whole["rate"] is None else whole["rate"]
    burst = burst_of(rate, whole["burst"])
    if kind == "plan":
        return usage.replay(whole["slug"], rate, burst)
    points = usage.live(seconds=SECONDS_KEPT)
    if points is None:
        return None
    counts = [(int(point.at.timestamp()), sum(point.counts.get(name, 0) for name in SHARED)) for point in points]
    refused = forecast.replay(counts, rate, burst)
    return usage.Replayed(sum(count for _, count in counts), refused, len(counts), {})
