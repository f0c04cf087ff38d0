"""Consumers as rows of a list, and one consumer's or key's use for its page: reads, never writes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q, QuerySet

from breakers import usage
from breakers.core.admitting import OUTCOMES, PASSED
from breakers.models import ApiKey, Consumer, UsagePlan
from breakers.models.usage import Span
from breakers.operations.plans import working
from breakers.routes import RouteFacts
from breakers.usage import Point, QuotaUse
from controlplane.kernel import clock

from . import charts, limits
from .charts import Chart, Column
from .wording import count, rate

NOW_S = 60
CHART_S, CHART_STEP_S = 900, 15


class ConsumerSearch(NamedTuple):
    """Empty fields ask for nothing. `q` looks in slug, title, contact and tags."""

    q: str = ""
    tag: str = ""
    plan: str = ""
    keys: str = ""  # "none": without a working key

    def found(self) -> QuerySet[Consumer]:
        rows = Consumer.objects.annotate(
            key_count=Count("keys", filter=_alive(), distinct=True), last_used_at=Max("keys__last_used_at")
        )
        if self.q:
            text = self.q
            rows = rows.filter(
                Q(slug__icontains=text)
                | Q(title__icontains=text)
                | Q(contact__icontains=text)
                | Q(tags__icontains=text)
            )
        if self.tag:
            rows = rows.filter(tags__contains=f",{self.tag},")
        if self.plan:
            holders = UsagePlan.keys.through.objects.filter(usageplan__slug=self.plan)
            rows = rows.filter(pk__in=holders.values("apikey__consumer"))
        if self.keys == "none":
            rows = rows.filter(key_count=0)
        return rows.order_by("slug")


class ConsumerRow(NamedTuple):
    consumer: Consumer
    keys: int
    plans: list[tuple[str, str]]
    last_used_at: datetime | None
    now: str
    refused: int
    quota: QuotaUse | None


def rows(consumers: Sequence[Consumer]) -> list[ConsumerRow]:
    """The rows of one page: plans, use in the last minute, and the quota that is nearest to its end."""
    plans = _plans_of(consumers)
    recent = usage.recent_by_consumer(NOW_S)
    quotas = _quotas(plans)
    found = []
    for consumer in consumers:
        own = recent.get(consumer.slug) if recent is not None else Point(clock.now())
        nearest = max(
            quotas.get(consumer.slug, []), key=lambda use: use.used / max(1, use.limit + use.extra), default=None
        )
        found.append(
            ConsumerRow(
                consumer,
                consumer.key_count,  # type: ignore[attr-defined]
                [(plan.slug, str(plan)) for plan in plans.get(consumer.slug, [])],
                consumer.last_used_at,  # type: ignore[attr-defined]
                "unknown" if recent is None else f"{rate(own.passed, NOW_S)}/s" if own and own.passed else "",
                own.refused if own else 0,
                nearest,
            )
        )
    return found


class Use(NamedTuple):
    """What a page shows of use: figures, rate over time against the limit, refusals by reason, quotas."""

    figures: list[tuple[str, str]]
    over_time: Chart
    reasons: Chart
    quotas: list[tuple[UsagePlan, QuotaUse, Chart]]
    known: bool


def use_of(consumer: Consumer, plans: Sequence[UsagePlan]) -> Use:
    """Use of one consumer, over all of its keys; limits are those of its plans."""
    now = clock.now()
    points = usage.live(consumer=consumer.slug, seconds=CHART_S)
    day = usage.history(Span.HOUR, since=now - timedelta(hours=23), consumer=consumer.slug)
    minute = (points or [])[-NOW_S:]
    passed, refused = sum(point.passed for point in minute), sum(point.refused for point in minute)
    figures = [
        ("Now", f"{rate(passed, NOW_S)}/s" if points is not None else "unknown"),
        ("Refused, last minute", count(refused) if points is not None else "unknown"),
        ("Let through, last 24 h", count(sum(point.passed for point in day))),
        ("Refused, last 24 h", count(sum(point.refused for point in day))),
    ]
    limits = [(plan.rate, plan.burst) for plan in plans if plan.rate is not None]
    columns = [
        Column(
            f"{stretch[0].at:%H:%M:%S}",
            sum(point.passed for point in stretch) / len(stretch),
            sum(point.refused for point in stretch) / len(stretch),
        )
        for stretch in _stretches(points or [], CHART_STEP_S)
    ]
    limit = max((limit for limit, _ in limits), default=None)
    over_time = charts.use("use-chart", "Requests, last 15 min", columns, limit=limit)
    return Use(
        figures,
        over_time,
        _reasons(day),
        [quota_of(consumer, plan, now) for plan in plans if plan.quota_limit],
        points is not None,
    )


def quota_of(consumer: Consumer, plan: UsagePlan, now: datetime) -> tuple[UsagePlan, QuotaUse, Chart]:
    found = usage.quota(consumer.slug, plan, now)
    assert found is not None, "asked only for plans with a quota"
    whole = (found.resets_at - found.starts_at).total_seconds()
    elapsed = min(1.0, max(0.0, (now - found.starts_at).total_seconds() / whole))
    granted = count(found.limit + found.extra)
    words = f"{count(found.used)} of {granted} used; {count(found.left)} left until {_day(found.resets_at)}."
    if found.ends_at is not None and found.left:
        words += f" At the present pace it ends {_day(found.ends_at)}."
    elif not found.left:
        words += " Further requests are refused." if plan.mode == "enforce" else " Only counted: nothing is refused."
    else:
        words += " At the present pace it lasts."
    chart = charts.quota(
        f"quota-{plan.slug}",
        f"Quota of plan {plan}",
        used=found.used,
        limit=found.limit + found.extra,
        elapsed=elapsed,
        words=words,
    )
    return plan, found, chart


def _day(at: datetime) -> str:
    return f"{at:%A} {at.day} {at:%B, %H:%M} UTC"


def places_of(plans: Sequence[UsagePlan]) -> dict[str, Any]:
    """The limits on every route that these plans open, and the routes that need no key, where none is metered."""
    places: list[Any] = []
    open_routes: dict[str, RouteFacts] = {}
    for plan in plans:
        found, unmetered = limits.of_plan(plan.slug, sorted(stage.slug for stage in plan.stages.all()))
        places += found
        open_routes |= {facts.slug: facts for facts in unmetered}
    return {"places": places, "open_routes": list(open_routes.values())}


def plans_of(consumer: Consumer) -> list[UsagePlan]:
    """The plans of its working keys."""
    return _plans_of([consumer]).get(consumer.slug, [])


def _alive() -> Q:
    now = clock.now()
    return (
        Q(keys__revoked_at=None)
        & (Q(keys__expires_at=None) | Q(keys__expires_at__gt=now))
        & (Q(keys__grace_until=None) | Q(keys__grace_until__gt=now))
    )


def _plans_of(consumers: Sequence[Consumer]) -> dict[str, list[UsagePlan]]:
    alive = working(ApiKey.objects.filter(consumer__in=consumers)).values("pk")
    held = UsagePlan.keys.through.objects.filter(apikey__in=alive)
    pairs = sorted(set(held.values_list("apikey__consumer__slug", "usageplan_id")))
    plans = UsagePlan.objects.prefetch_related("stages").in_bulk({plan for _, plan in pairs})
    found: dict[str, list[UsagePlan]] = {}
    for slug, plan in pairs:
        found.setdefault(slug, []).append(plans[plan])
    return found


def _quotas(plans: dict[str, list[UsagePlan]]) -> dict[str, list[QuotaUse]]:
    holders: dict[UsagePlan, list[str]] = {}
    for slug, own in plans.items():
        for plan in own:
            if plan.quota_limit is not None:
                holders.setdefault(plan, []).append(slug)
    found: dict[str, list[QuotaUse]] = {}
    for plan, slugs in holders.items():
        for use in usage.quotas_of(plan, slugs):
            found.setdefault(use.consumer, []).append(use)
    return found


def _stretches(points: Sequence[Point], size: int) -> list[Sequence[Point]]:
    return [points[start : start + size] for start in range(0, len(points), size)]


def _reasons(points: Sequence[Point]) -> Chart:
    told = [outcome for outcome in OUTCOMES if outcome != PASSED[0]]
    named = {OUTCOMES[outcome]: [point.counts.get(outcome, 0) for point in points] for outcome in told}
    return charts.reasons(
        "reasons-chart", "Refusals by reason, last 24 h", [f"{point.at:%H:%M}" for point in points], named
    )
