"""What pages, REST and metrics say of use: counts now and in the past, use against quotas, forecasts, and replays."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from django.conf import settings
from django.db.models import Min, QuerySet, Sum
from prometheus_client.core import Metric

from breakers.core import forecast, quotas
from breakers.core.admitting import METERED, OUTCOMES, PASSED, REFUSED
from breakers.models import QuotaLedger, UsageCount, UsagePlan
from breakers.models.usage import Span
from breakers.store.usage import SECONDS_KEPT, Series, UsageReading
from controlplane.kernel import clock, metrics, valkey

LENGTHS = {Span.MINUTE: timedelta(minutes=1), Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(days=1)}
# A day's quota is forecast from the last hour, a longer one from the last day.
PACE_OF = {"DAY": (Span.MINUTE, timedelta(hours=1))}
PACE_ELSE = (Span.HOUR, timedelta(days=1))


class Point(msgspec.Struct):
    """Requests of one span of time, by outcome."""

    at: datetime
    counts: dict[str, int] = {}

    @property
    def passed(self) -> int:
        return sum(self.counts.get(outcome, 0) for outcome in PASSED)

    @property
    def refused(self) -> int:
        return sum(self.counts.get(outcome, 0) for outcome in REFUSED)


class QuotaUse(msgspec.Struct):
    """One consumer's use of one plan's quota. `used` runs ahead by what front doors hold, for about a second.

    `ends_at` is when it will be used up at the present pace; None when it outlasts the period.
    """

    consumer: str
    plan: str
    period: str
    limit: int
    extra: int
    used: int
    left: int
    starts_at: datetime
    resets_at: datetime
    share: str
    standing: forecast.Standing
    ends_at: datetime | None


class Replayed(msgspec.Struct):
    """What a plan's limits would have done to the recorded requests of the last minutes. None when they are unknown."""

    requests: int
    refused: int
    seconds: int
    by_consumer: dict[str, int]  # those of whom something would have been refused

    def sentence(self) -> str:
        if not self.requests:
            return f"No requests were recorded in the last {self.seconds // 60} min."
        found = f"{self.refused} of {self.requests} requests of the last {self.seconds // 60} min"
        return f"{found} would have been throttled ({forecast.share_words(self.refused, self.requests)})."


# Series ---------------------------------------------------------------------------------------------------------------


def live(*, consumer: str | None = None, plan: str | None = None, seconds: int = 300) -> list[Point] | None:
    """The last seconds, oldest first, a point for each; None while Valkey is away. At most SECONDS_KEPT of them."""
    recorded = _recorded(min(seconds, SECONDS_KEPT))
    if recorded is None:
        return None
    points = []
    for second, counts in recorded.items():
        point = Point(datetime.fromtimestamp(second, UTC))
        for series, count in counts.items():
            if consumer in (None, series.consumer) and plan in (None, series.plan):
                point.counts[series.outcome] = point.counts.get(series.outcome, 0) + count
        points.append(point)
    return points


def recent_by_consumer(seconds: int = 60) -> dict[str, Point] | None:
    """Requests of the last seconds added up for each consumer that made any; None while Valkey is away."""
    recorded = _recorded(seconds)
    if recorded is None:
        return None
    since = datetime.fromtimestamp(min(recorded, default=0), UTC)
    found: dict[str, Point] = {}
    for counts in recorded.values():
        for series, count in counts.items():
            point = found.setdefault(series.consumer, Point(since))
            point.counts[series.outcome] = point.counts.get(series.outcome, 0) + count
    return found


def history(
    span: Span, *, since: datetime, until: datetime | None = None, consumer: str | None = None, plan: str | None = None
) -> list[Point]:
    """Minutes, hours or days (of UTC) from the one that holds `since`, oldest first, without gaps."""
    until = until or clock.now()
    at = since.astimezone(UTC).replace(second=0, microsecond=0)
    at = at if span == Span.MINUTE else at.replace(minute=0)
    at = at if span != Span.DAY else at.replace(hour=0)
    rows = _counts(span, consumer=consumer, plan=plan).filter(at__gte=at, at__lt=until)
    points = {}
    while at < until:
        points[at] = Point(at)
        at += LENGTHS[span]
    for row in rows.values("at", "outcome").annotate(total=Sum("count")):
        if row["at"] in points:
            points[row["at"]].counts[row["outcome"]] = int(row["total"])
    return list(points.values())


def refusals(points: Iterable[Point]) -> list[tuple[str, str, int]]:
    """(outcome, what it means, requests) of all refusals, the most frequent first."""
    totals: dict[str, int] = {}
    for point in points:
        for outcome in REFUSED:
            totals[outcome] = totals.get(outcome, 0) + point.counts.get(outcome, 0)
    found = [(outcome, OUTCOMES[outcome], count) for outcome, count in totals.items() if count]
    return sorted(found, key=lambda entry: -entry[2])


def _counts(span: Span, *, consumer: str | None, plan: str | None) -> QuerySet[UsageCount]:
    rows = UsageCount.objects.filter(span=span).order_by()
    if consumer is not None:
        rows = rows.filter(consumer=consumer)
    return rows if plan is None else rows.filter(plan=plan)


def _recorded(seconds: int) -> dict[int, Mapping[Series, int]] | None:
    client = valkey.shared()
    try:
        now = valkey.server_ms(client) // 1000
        wanted = range(now - seconds, now)
        found = UsageReading(client, settings.KEY_PREFIX).seconds(wanted)
    except valkey.Away:
        return None
    return {second: found.get(second, {}) for second in wanted}


# Quotas ---------------------------------------------------------------------------------------------------------------


def quota(consumer: str, plan: UsagePlan, now: datetime | None = None) -> QuotaUse | None:
    """One consumer's use of a plan's quota in the present period; None when the plan has none."""
    return next(iter(quotas_of(plan, [consumer], now)), None)


def quotas_of(plan: UsagePlan, consumers: Sequence[str], now: datetime | None = None) -> list[QuotaUse]:
    """The same of many consumers, in their order; empty when the plan has no quota."""
    if plan.quota_limit is None:
        return []
    now = now or clock.now()
    start, end = present_period(plan, now)
    ledgers = QuotaLedger.objects.filter(plan=plan, consumer__slug__in=consumers, period_start=start)
    known = {slug: (drawn, extra) for slug, drawn, extra in ledgers.values_list("consumer__slug", "drawn", "extra")}
    paces = _paces(plan, consumers, start, now)
    return [_use(plan, slug, *known.get(slug, (0, 0)), start, end, paces.get(slug, 0.0), now) for slug in consumers]


def present_period(plan: UsagePlan, now: datetime) -> tuple[datetime, datetime]:
    terms = terms_of(plan, "")
    return quotas.period(now, terms.period, terms.time_zone, terms.offset_h)


def terms_of(plan: UsagePlan, consumer: str) -> quotas.QuotaTerms:
    """The quota that the plan grants each consumer; the plan must have one."""
    stated = {
        "consumer": consumer,
        "plan": plan.slug,
        "limit": plan.quota_limit,
        "period": plan.quota_period,
        "time_zone": plan.quota_time_zone,
        "offset_h": plan.quota_offset_h,
        "on_store_error": plan.on_store_error,
    }
    return msgspec.convert(stated, quotas.QuotaTerms)


def _use(
    plan: UsagePlan, consumer: str, drawn: int, extra: int, start: datetime, end: datetime, pace: float, now: datetime
) -> QuotaUse:
    granted = (plan.quota_limit or 0) + extra
    left = max(0, granted - drawn)
    lasts = forecast.seconds_left(left, pace, (end - now).total_seconds())
    return QuotaUse(
        consumer=consumer,
        plan=plan.slug,
        period=plan.quota_period,
        limit=plan.quota_limit or 0,
        extra=extra,
        used=drawn,
        left=left,
        starts_at=start,
        resets_at=end,
        share=forecast.share_words(drawn, granted),
        standing=forecast.standing(drawn, granted),
        ends_at=None if lasts is None else now + timedelta(seconds=lasts),
    )


def _paces(plan: UsagePlan, consumers: Sequence[str], start: datetime, now: datetime) -> dict[str, float]:
    """Requests per second that each consumer passed lately, since its first in that time."""
    span, window = PACE_OF.get(plan.quota_period, PACE_ELSE)
    rows = UsageCount.objects.filter(
        consumer__in=consumers, span=span, plan=plan.slug, outcome__in=PASSED, at__gte=now - window, at__lte=now
    )
    sums = rows.order_by().values_list("consumer").annotate(total=Sum("count"), first=Min("at"))
    least = LENGTHS[span].total_seconds()
    return {slug: total / max(least, (now - first).total_seconds()) for slug, total, first in sums}


# Replay ---------------------------------------------------------------------------------------------------------------


def replay(plan: str, rate: float, burst: int, *, seconds: int = SECONDS_KEPT) -> Replayed | None:
    """Recorded requests of a plan's consumers against other limits, a bucket each; None while Valkey is away."""
    recorded = _recorded(min(seconds, SECONDS_KEPT))
    if recorded is None:
        return None
    series: dict[str, dict[int, int]] = {}
    for second, counts in recorded.items():
        for found, count in counts.items():
            if found.plan == plan and found.outcome in METERED:
                own = series.setdefault(found.consumer, {})
                own[second] = own.get(second, 0) + count
    refused = {name: forecast.replay(own.items(), rate, burst) for name, own in series.items()}
    return Replayed(
        requests=sum(sum(own.values()) for own in series.values()),
        refused=sum(refused.values()),
        seconds=len(recorded),
        by_consumer={name: count for name, count in sorted(refused.items()) if count},
    )


# Metrics --------------------------------------------------------------------------------------------------------------


def families() -> Iterable[Metric]:
    """Counters by plan and outcome, and by place; what is drawn of quotas. Without Valkey only the last."""
    drawn = QuotaLedger.objects.filter(period_end__gt=clock.now()).order_by()
    sums = drawn.values_list("plan__slug").annotate(units=Sum("drawn"))
    yield metrics.QUOTA_DRAWN.family([([slug], float(units)) for slug, units in sums])
    try:
        plans, places = UsageReading(valkey.shared(), settings.KEY_PREFIX).totals()
    except valkey.Away:
        return
    yield metrics.ADMISSION.family([(labels, float(count)) for labels, count in sorted(plans.items())])
    yield metrics.ADMISSION_ROUTE.family([(labels, float(count)) for labels, count in sorted(places.items())])
