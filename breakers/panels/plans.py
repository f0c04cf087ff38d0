"""Usage plans as pages show them: a row of the list, and the use of one plan with its consumers and their quotas."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet, Sum

from breakers import usage
from breakers.core import sentences
from breakers.core.admitting import OUTCOMES, PASSED, REFUSED
from breakers.documents import plans as documents
from breakers.documents.defaults import Document
from breakers.models import ApiKey, Consumer, UsageCount, UsagePlan
from breakers.models.usage import Span
from breakers.operations import plans as operations
from breakers.usage import Point
from controlplane.kernel import clock

from . import charts
from .limits import plan_itself_counts
from .quota_words import quota_chart
from .wording import count, rate, share

HOUR = timedelta(hours=1)
MINUTE_S = 60
WOULD = ("would_throttle", "would_quota")
SHOWN = 50


class State(NamedTuple):
    tone: str
    sign: str
    words: str


class PlanRow(NamedTuple):
    """A row of the list. `passed` and `refused` are requests of the last hour, `now` requests a second."""

    slug: str
    title: str
    document: Document
    state: State
    consumers: int
    keys: int
    now: str
    passed: int
    refused: int

    @property
    def limits(self) -> str:
        parts = []
        if self.document["rate"] is not None:
            parts.append(sentences.pace(self.document["rate"], self.document["burst"]))
        if self.document["quota"]:
            parts.append(sentences.quota(self.document["quota"]))
        if overrides := len(self.document["overrides"]):
            parts.append(f"{overrides} override{'' if overrides == 1 else 's'}")
        return "; ".join(parts) or "no limit of its own"

    @property
    def stages(self) -> str:
        return f"in {', '.join(self.document['stages'])}" if self.document["stages"] else "in no stage"

    @property
    def refused_words(self) -> str:
        return refused_words(self.refused, self.passed)


class ConsumerRow(NamedTuple):
    slug: str
    title: str
    keys: int
    now: str
    refused_words: str
    quota: charts.Chart | None


class PlanUse(NamedTuple):
    """The part of a plan's page that is read again and again."""

    consumer: str
    query: str
    q: str
    figures: Sequence[tuple[str, str]]
    over_time: charts.Chart
    reasons: charts.Chart
    consumers: Sequence[ConsumerRow]
    more: int
    quota: bool


def plan_rows(q: str = "", stage: str = "", mode: str = "") -> list[PlanRow]:
    found = operations.rows()
    if q := q.strip():
        wanted = Q(slug__icontains=q) | Q(title__icontains=q) | Q(description__icontains=q)
        found = found.filter(wanted | Q(overrides__route__icontains=q)).distinct()
    if stage:
        found = found.filter(stages__slug=stage)
    if mode:
        found = found.filter(mode=mode)
    now = clock.now()
    held = {slug: (keys, consumers) for slug, keys, consumers in _held()}
    hour, minute = _sums("plan", _last_hour(now)), _sums("plan", _last_minute(now))
    rows = []
    for plan in found:
        keys, consumers = held.get(plan.slug, (0, 0))
        sums = hour.get(plan.slug, {})
        rows.append(
            PlanRow(
                plan.slug,
                str(plan),
                documents.document(plan),
                state_of(plan, keys),
                consumers,
                keys,
                _now(minute.get(plan.slug, {})),
                _total(sums, PASSED),
                _total(sums, REFUSED),
            )
        )
    return rows


def state_of(plan: UsagePlan, keys: int) -> State:
    if not plan.stages.all():
        return State("bad", "✕", "opens no stage")
    if plan.mode == "count":
        return State("order", "◇", "counts only, refuses nothing")
    if not keys:
        return State("", "○", "no key yet")
    return State("good", "●", "enforced")


def plan_use(plan: UsagePlan, consumer: str = "", q: str = "") -> PlanUse:
    """Use of the last hour. The chart is of one consumer, since the limit is: the one asked for, or the busiest."""
    now = clock.now()
    own_rate = plan.rate
    if own_rate and not plan_itself_counts(plan.slug, [stage.slug for stage in plan.stages.all()]):
        own_rate = None
    whole = now.replace(second=0, microsecond=0)
    hour = _sums("consumer", _last_hour(now).filter(plan=plan.slug))
    minute = _sums("consumer", _last_minute(now).filter(plan=plan.slug))
    found, more = _consumers(plan, hour, q)
    busiest = consumer or max(hour, key=lambda slug: _total(hour[slug], OUTCOMES), default="")
    points = usage.history(Span.MINUTE, since=now - HOUR, until=whole, plan=plan.slug, consumer=consumer or None)
    own = (
        points
        if consumer or not busiest
        else usage.history(Span.MINUTE, since=now - HOUR, until=whole, plan=plan.slug, consumer=busiest)
    )
    quotas = {each.consumer: each for each in usage.quotas_of(plan, [row.slug for row in found], now)}
    keys = _keys_of(plan, [row.slug for row in found])
    return PlanUse(
        consumer=consumer,
        query=urlencode({name: value for name, value in (("consumer", consumer), ("q", q)) if value}),
        q=q,
        figures=_figures(hour, minute, consumer, own_rate),
        over_time=_over_time(own_rate, own, busiest, bool(consumer)),
        reasons=_reasons(points, plan.mode == "count"),
        consumers=[
            ConsumerRow(
                row.slug,
                str(row),
                keys.get(row.slug, 0),
                _now(minute.get(row.slug, {})),
                refused_words(_total(hour.get(row.slug, {}), REFUSED), _total(hour.get(row.slug, {}), PASSED)),
                quota_chart(quotas[row.slug], plan.quota_time_zone, now) if row.slug in quotas else None,
            )
            for row in found
        ],
        more=more,
        quota=plan.quota_limit is not None,
    )


def refused_words(refused: int, passed: int) -> str:
    if not refused + passed:
        return "–"
    return f"{count(refused)} ({share(refused, refused + passed)})" if refused else "0"


def _figures(
    hour: Mapping[str, Mapping[str, int]],
    minute: Mapping[str, Mapping[str, int]],
    consumer: str,
    own_rate: float | None,
) -> list[tuple[str, str]]:
    sums, now = (_added(each, consumer) for each in (hour, minute))
    passed, refused = _total(sums, PASSED), _total(sums, REFUSED)
    found = [
        ("Requests/s now", _now(now)),
        ("Let through, last hour", count(passed)),
        ("Refused, last hour", refused_words(refused, passed)),
    ]
    if would := _total(sums, WOULD):
        found.append(("Would have been refused", f"{count(would)} ({share(would, passed + refused)})"))
    if not consumer:
        found.append(("Consumers that called", count(len(hour))))
    elif own_rate:
        found.append(("Of the plan's own rate now", share(_total(now, PASSED) / MINUTE_S, own_rate)))
    return found


def _over_time(own_rate: float | None, points: Sequence[Point], consumer: str, chosen: bool) -> charts.Chart:
    """Against the plan's own rate; without a line (None) where no request is under it."""
    columns = [
        charts.Column(f"{point.at:%H:%M}", point.passed / MINUTE_S, point.refused / MINUTE_S) for point in points
    ]
    whose = (consumer if chosen else f"Busiest consumer: {consumer}") if consumer else "Use"
    title = f"{whose}, last hour (UTC)"
    return charts.use("plan-use", title, columns, limit=own_rate, called="the plan's own limit")


def _reasons(points: Sequence[Point], counting: bool) -> charts.Chart:
    outcomes = (*REFUSED, *WOULD) if counting else REFUSED
    series = {OUTCOMES[outcome]: [point.counts.get(outcome, 0) for point in points] for outcome in outcomes}
    title = "Refused, or would have been, last hour (UTC)" if counting else "Refused by reason, last hour (UTC)"
    return charts.reasons("plan-refusals", title, [f"{point.at:%H:%M}" for point in points], series)


def _consumers(plan: UsagePlan, hour: Mapping[str, Mapping[str, int]], q: str) -> tuple[list[Consumer], int]:
    """Consumers with a working key in the plan, the busiest first, and how many more there are."""
    keyed = operations.working(ApiKey.objects.filter(plans=plan)).values("consumer")
    found = Consumer.objects.filter(pk__in=keyed)
    if q := q.strip():
        found = found.filter(Q(slug__icontains=q) | Q(title__icontains=q) | Q(tags__icontains=q))
    busy = sorted(hour, key=lambda slug: -_total(hour[slug], OUTCOMES))[:SHOWN]
    rows = {row.slug: row for row in found.filter(slug__in=busy)}
    shown = [rows[slug] for slug in busy if slug in rows]
    shown += list(found.exclude(slug__in=list(rows))[: SHOWN - len(shown)])
    return shown, max(0, found.count() - len(shown))


def _keys_of(plan: UsagePlan, consumers: Sequence[str]) -> dict[str, int]:
    keys = operations.working(ApiKey.objects.filter(plans=plan, consumer__slug__in=consumers))
    return dict(keys.order_by().values_list("consumer__slug").annotate(Count("pk", distinct=True)))


def _held() -> Iterable[tuple[str, int, int]]:
    """(plan, working keys, consumers that have them)."""
    keys = operations.working(ApiKey.objects.filter(plans__isnull=False)).order_by()
    return keys.values_list("plans__slug").annotate(Count("pk", distinct=True), Count("consumer", distinct=True))


def _last_hour(now: datetime) -> QuerySet[UsageCount]:
    return UsageCount.objects.filter(span=Span.MINUTE, at__gt=now - HOUR, at__lte=now)


def _last_minute(now: datetime) -> QuerySet[UsageCount]:
    """The last whole minute: the running one would always look like a drop."""
    whole = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
    return UsageCount.objects.filter(span=Span.MINUTE, at=whole)


def _sums(column: str, rows: QuerySet[UsageCount]) -> dict[str, dict[str, int]]:
    """Requests by plan or consumer, then by outcome."""
    found: dict[str, dict[str, int]] = {}
    for name, outcome, total in rows.order_by().values_list(column, "outcome").annotate(total=Sum("count")):
        found.setdefault(name, {})[outcome] = int(total)
    return found


def _added(sums: Mapping[str, Mapping[str, int]], consumer: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for slug, counts in sums.items():
        if consumer in ("", slug):
            for outcome, number in counts.items():
                found[outcome] = found.get(outcome, 0) + number
    return found


def _total(counts: Mapping[str, int], outcomes: Iterable[str]) -> int:
    return sum(counts.get(outcome, 0) for outcome in outcomes)


def _now(minute: Mapping[str, int]) -> str:
    return rate(_total(minute, PASSED), MINUTE_S)
