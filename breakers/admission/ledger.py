"""The ledger of quotas as front doors draw from it: many asks in one transaction, none of which can pass its limit.

Rows of one consumer and plan never overlap. When a plan's period, time zone or offset was edited, the row of the new
period takes over what was drawn since it began, and the row that it interrupts ends there: editing resets nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import BigIntegerField, F, Q, QuerySet, Sum
from django.db.models.functions import Greatest

from breakers.core.admitting import DRAWN_FOR
from breakers.core.quotas import QuotaTerms, draw
from breakers.models import Consumer, QuotaLedger, UsageCount, UsagePlan
from breakers.models.usage import Span
from controlplane.kernel.clock import from_ms

# What "the database is away" looks like.
DATABASE_ERRORS = (DatabaseError, InterfaceError, OSError)
FIELDS = ("pk", "consumer__slug", "plan__slug", "period_start", "period_end", "generation", "drawn", "extra")
TRIES = 5
# Minutes are kept for two days; what began earlier is read from hours.
MINUTES_KEPT_S = 47 * 3600


class LedgerAway(Exception):
    """`certain` says that nothing was written; else the database may or may not have committed."""

    def __init__(self, error: Exception, *, certain: bool) -> None:
        super().__init__(str(error))
        self.certain = certain


class Correction(msgspec.Struct, frozen=True):
    """Units to add to what was drawn in this period and generation: below 0 those that will not be used."""

    start_ms: float
    generation: int
    units: int


class Ask(msgspec.Struct, frozen=True):
    """What a front door says of one quota: how many requests wait, units to hold ahead, and units passed unpaid."""

    terms: QuotaTerms
    start_ms: float
    end_ms: float
    waiting: int = 0
    ahead: int = 0
    owed: int = 0
    corrections: tuple[Correction, ...] = ()

    @property
    def writes(self) -> bool:
        return bool(self.waiting or self.ahead or self.owed or self.corrections)


class Answer(msgspec.Struct, frozen=True):
    """`granted` units of `generation`; the row afterwards. `left` may be below 0; `known` is False without a row."""

    granted: int
    generation: int
    drawn: int
    extra: int
    left: int
    known: bool = True


class Row(msgspec.Struct):
    pk: int
    end: datetime
    generation: int
    drawn: int
    extra: int


Key = tuple[str, str, datetime]


def exchange(asks: Sequence[Ask]) -> list[Answer]:
    """Draw, charge and give back, all or nothing; one answer per ask, in order. Raises LedgerAway.

    Runs in a thread that keeps its connection: one that broke since the last time is replaced once.
    """
    try:
        return _exchange(asks)
    except LedgerAway as away:
        connection.close()
        if not away.certain:
            raise
    try:
        return _exchange(asks)
    except LedgerAway:
        connection.close()
        raise


def _exchange(asks: Sequence[Ask]) -> list[Answer]:
    committing = False
    try:
        if not any(ask.writes for ask in asks):
            rows = _rows(asks, lock=False)
            return [_told(ask, rows.get(_key(ask.terms, ask.start_ms))) for ask in asks]
        with transaction.atomic():
            rows = _rows(asks, lock=True)
            answers = [_serve(ask, rows) for ask in asks]
            committing = True
        return answers
    except DATABASE_ERRORS as error:
        raise LedgerAway(error, certain=not committing) from error


def _key(terms: QuotaTerms, start_ms: float) -> Key:
    return terms.consumer, terms.plan, from_ms(round(start_ms))


def _rows(asks: Iterable[Ask], *, lock: bool) -> dict[Key, Row]:
    """The rows that the asks are about. Locked in the order of their keys, so that two front doors never cross."""
    wanted = {_key(ask.terms, ask.start_ms) for ask in asks}
    wanted |= {_key(ask.terms, correction.start_ms) for ask in asks for correction in ask.corrections}
    consumers, plans, starts = (set(part) for part in zip(*wanted, strict=True))
    rows = QuotaLedger.objects.filter(consumer__slug__in=consumers, plan__slug__in=plans, period_start__in=starts)
    if lock:
        rows = rows.select_for_update(of=("self",))
    found = rows.order_by("pk").values_list(*FIELDS)
    return {(consumer, plan, start): Row(pk, *rest) for pk, consumer, plan, start, *rest in found}


def _serve(ask: Ask, rows: dict[Key, Row]) -> Answer:
    key = _key(ask.terms, ask.start_ms)
    for correction in ask.corrections:
        _correct(rows.get(_key(ask.terms, correction.start_ms)), correction)
    row = rows.get(key)
    if row is None or row.end != from_ms(round(ask.end_ms)):
        row = opened(ask.terms, from_ms(round(ask.start_ms)), from_ms(round(ask.end_ms)))
        if row is None:
            return _told(ask, None)
        rows[key] = row
    if ask.owed:
        QuotaLedger.objects.filter(pk=row.pk).update(drawn=F("drawn") + ask.owed)
        row.drawn += ask.owed
    return _told(ask, row, granted=_draw(ask, row))


def _draw(ask: Ask, row: Row) -> int:
    """The one statement that spends a quota: its condition can't be passed, whoever else draws at the same moment."""
    if not (ask.waiting or ask.ahead):
        return 0
    for _ in range(TRIES):
        units = draw(ask.terms.limit + row.extra - row.drawn, ask.waiting, ask.ahead)
        if not units:
            return 0
        within = Q(pk=row.pk, generation=row.generation, drawn__lte=F("extra") + (ask.terms.limit - units))
        if QuotaLedger.objects.filter(within).update(drawn=F("drawn") + units):
            row.drawn += units
            return units
        found = QuotaLedger.objects.filter(pk=row.pk).values_list("generation", "drawn", "extra").first()
        if found is None:
            return 0
        row.generation, row.drawn, row.extra = found
    return 0


def _correct(row: Row | None, correction: Correction) -> None:
    """What was drawn before a reset is void, and so is its correction."""
    if row is not None and row.generation == correction.generation:
        same = QuotaLedger.objects.filter(pk=row.pk, generation=row.generation)
        same.update(drawn=Greatest(F("drawn") + correction.units, 0, output_field=BigIntegerField()))
        row.drawn = max(0, row.drawn + correction.units)


def _told(ask: Ask, row: Row | None, granted: int = 0) -> Answer:
    if row is None:
        return Answer(0, 0, 0, 0, ask.terms.limit, known=False)
    return Answer(granted, row.generation, row.drawn, row.extra, ask.terms.limit + row.extra - row.drawn)


def opened(terms: QuotaTerms, start: datetime, end: datetime) -> Row | None:
    """The locked row of this period, made when there is none. None when the consumer or the plan is gone.

    Call it in a transaction.
    """
    mine = QuotaLedger.objects.filter(consumer__slug=terms.consumer, plan__slug=terms.plan)
    row = _locked(mine, start)
    if row is None:
        consumer = Consumer.objects.filter(slug=terms.consumer).values_list("pk", flat=True).first()
        plan = UsagePlan.objects.filter(slug=terms.plan).values_list("pk", flat=True).first()
        if consumer is None or plan is None:
            return None
        # The end is written below, with what is taken over: whoever makes the row first, one of us does that once.
        new = QuotaLedger(consumer_id=consumer, plan_id=plan, period_start=start, period_end=start)
        QuotaLedger.objects.bulk_create([new], ignore_conflicts=True)
        row = _locked(mine, start)
        if row is None:
            return None
    if row.end != end:
        row.drawn += _taken_over(terms, start, row.end, end)
        row.end = end
        QuotaLedger.objects.filter(pk=row.pk).update(period_end=end, drawn=row.drawn)
    return row


def _locked(mine: QuerySet[QuotaLedger], start: datetime) -> Row | None:
    found = mine.filter(period_start=start).select_for_update(of=("self",)).order_by("pk").values_list(*FIELDS).first()
    return None if found is None else Row(found[0], *found[4:])


def _taken_over(terms: QuotaTerms, start: datetime, covered: datetime, end: datetime) -> int:
    """What was drawn from other rows in a period whose own row covered it only up to `covered`.

    Those that began in it count whole. Of one that had begun before, and ends now, only what was recorded since.
    """
    mine = QuotaLedger.objects.filter(consumer__slug=terms.consumer, plan__slug=terms.plan)
    within = mine.filter(period_start__gt=start, period_start__gte=covered, period_start__lt=end)
    taken = int(within.aggregate(units=Sum("drawn"))["units"] or 0)
    interrupted = mine.filter(period_start__lt=start, period_end__gt=start)
    drawn = interrupted.aggregate(units=Sum("drawn"))["units"]
    if drawn:
        taken += min(int(drawn), _recorded(terms, start))
    interrupted.update(period_end=start)
    return taken


def _recorded(terms: QuotaTerms, since: datetime) -> int:
    age_s = (datetime.now(since.tzinfo) - since).total_seconds()
    span = Span.MINUTE if age_s < MINUTES_KEPT_S else Span.HOUR
    counts = UsageCount.objects.filter(
        span=span, at__gte=since, consumer=terms.consumer, plan=terms.plan, outcome__in=DRAWN_FOR
    )
    return int(counts.aggregate(units=Sum("count"))["units"] or 0)
