"""The last gate: takes what a request has to pay, all of it or nothing, and says how the client then stands."""

from breakers.core.limits import Limit, number

from .errors import Fields, LimiterAway, NotAdmitted, QuotaExceeded, Throttled
from .gates import Consumer, Due, Gate, Meter
from .quotas import QuotaExhausted, Quotas
from .quotas import StoreAway as LedgerAway
from .rate_fields import rate_fields
from .recorder import UsageRecorder
from .tokens import StoreAway, TokenLeases, TokenLimit
from .tokens import Throttled as OutOfTokens

Refusal = OutOfTokens | StoreAway | QuotaExhausted | LedgerAway


class Metering:
    def __init__(self, tokens: TokenLeases, quotas: Quotas, recorder: UsageRecorder) -> None:
        self._tokens, self._quotas, self._recorder = tokens, quotas, recorder

    async def take(self, gate: Gate, meter: Meter, consumer: Consumer, now_ms: float) -> Fields:
        """The fields of an answer to a request that may pass. Raises Throttled, QuotaExceeded or LimiterAway."""
        due = meter.due(consumer)
        try:
            outcome = await self._pay(meter, due, now_ms)
        except (OutOfTokens, StoreAway, QuotaExhausted, LedgerAway) as refusal:
            outcome, problem = self._refused(gate, meter, due, refusal, now_ms)
            self._recorder.record(consumer.slug, meter.slug, outcome, now_ms / 1000, gate.stage, gate.route)
            raise problem from None
        self._recorder.record(consumer.slug, meter.slug, outcome, now_ms / 1000, gate.stage, gate.route)
        return rate_fields(due, self._tokens, self._quotas, now_ms)

    async def _pay(self, meter: Meter, due: Due, now_ms: float) -> str:
        """Tokens of every level, then the quota's unit; what was taken goes back when the request does not pass."""
        outcome, taken = "admitted", None
        if due.tokens:
            taken = self._tokens.try_take(due.tokens)
            if taken is None:
                taken = await self._tokens.take(due.tokens)
            if taken.voided:
                outcome = "voided"
        try:
            if due.counted is not None and not await self._within(due.counted):
                outcome = "would_throttle"
            if due.quota is not None:
                ticket = self._quotas.try_draw(due.quota, now_ms)
                if not ticket:
                    ticket = await self._quotas.draw(due.quota, now_ms)
                if ticket < 0 and outcome == "admitted":
                    outcome = "voided"
        except (QuotaExhausted, LedgerAway) as refusal:
            if meter.counting:
                return "would_quota" if isinstance(refusal, QuotaExhausted) else "voided"
            if taken is not None:
                self._tokens.give_back(due.tokens, taken)
            raise
        except BaseException:  # the client left while the request waited
            if taken is not None:
                self._tokens.give_back(due.tokens, taken)
            raise
        return outcome

    async def _within(self, limit: TokenLimit) -> bool:
        """Whether a limit that only counts would have let the request pass."""
        try:
            if self._tokens.try_take((limit,)) is None:
                await self._tokens.take((limit,))
        except OutOfTokens:
            return False
        except StoreAway:
            pass
        return True

    # Words ------------------------------------------------------------------------------------------------------------

    def _refused(self, gate: Gate, meter: Meter, due: Due, refusal: Refusal, now_ms: float) -> tuple[str, NotAdmitted]:
        """The outcome in the record, and what the client is told."""
        fields = rate_fields(due, self._tokens, self._quotas, now_ms)
        plan = meter.slug or None
        if isinstance(refusal, QuotaExhausted):
            return "quota", self._exceeded(meter, refusal, fields)
        if isinstance(refusal, LedgerAway):
            text = "The ledger of quotas is out of reach, and this plan lets nothing more through without it."
            extra = {"plan": plan, "scope": "client", "source": f"plan:{meter.slug}"}
            return "store_away", LimiterAway(text, retry_after_s=refusal.retry_after_s, fields=fields, **extra)
        limit = _met(meter, refusal.limit)
        told = {
            "plan": plan if limit.level == "client" else None,
            "scope": limit.level,
            "source": limit.source,
            "stage": gate.stage,
        }
        kind, _, slug = limit.source.partition(":")
        if kind == "throttle":
            told["throttle"] = slug
        if isinstance(refusal, StoreAway):
            text = f"{_whose(limit)} can't be counted now, and lets nothing through uncounted."
            return "store_away", LimiterAway(text, retry_after_s=refusal.retry_after_s, fields=fields, **told)
        window = {"rate_per_s": limit.rate, "burst": limit.burst}
        text = f"{_whose(limit)} allows {limit.figures()}; the next request may come in {refusal.retry_after_s:.3g} s."
        problem = Throttled(text, retry_after_s=refusal.retry_after_s, fields=fields, **told, window=window)
        return f"throttled:{limit.level}", problem

    @staticmethod
    def _exceeded(meter: Meter, refusal: QuotaExhausted, fields: Fields) -> QuotaExceeded:
        terms = refusal.terms
        title = meter.plan["title"] or meter.slug if meter.plan is not None else meter.slug
        resets_at = refusal.resets_at.isoformat().replace("+00:00", "Z")
        window = {"period": terms.period, "time_zone": terms.time_zone, "limit": terms.limit, "resets_at": resets_at}
        text = (
            f"Plan {title} grants {number(terms.limit)} requests a {terms.period.lower()}, and they are used up; "
            f"the next period begins at {resets_at}."
        )
        return QuotaExceeded(
            text,
            retry_after_s=refusal.retry_after_s,
            fields=fields,
            plan=meter.slug,
            scope="client",
            source=f"plan:{meter.slug}",
            window=window,
        )


def _met(meter: Meter, token: TokenLimit) -> Limit:
    """The limit that this bucket stands for."""
    for limit in meter.limits:
        if token.id == limit.bucket or (limit.level == "client" and token.id.startswith(f"{limit.bucket}@")):
            return limit
    raise LookupError(token.id)


def _whose(limit: Limit) -> str:
    match limit.level:
        case "client":
            return f"Plan {limit.title}"
        case "stage":
            return f"The limit {limit.title} of this stage"
    return f"The limit {limit.title} of all requests together"
