"""What operators do to quotas: read one, start it anew, grant more. None of it is configuration; acts are audited."""

from typing import Any

from django.db import transaction
from django.db.models import F

from breakers import usage
from breakers.admission.ledger import Row, opened
from breakers.core.quotas import period
from breakers.models import ApiKey, QuotaLedger, UsagePlan
from controlplane.audit.chain import record
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

LARGEST_EXTENSION = 10**15


def read(key_id: str) -> dict[str, Any]:
    """Use of the key's consumer under each plan of the key, over all keys of the consumer."""
    key = _key(key_id)
    found = [quota for plan in key.plans.all() if (quota := usage.quota(key.consumer.slug, plan)) is not None]
    return {
        "key": key.pk,
        "consumer": key.consumer.slug,
        "last_used_at": clock.rfc3339(key.last_used_at),
        "quotas": [document(quota) for quota in found],
    }


def document(quota: usage.QuotaUse) -> dict[str, Any]:
    return {
        "plan": quota.plan,
        "period": quota.period,
        "limit": quota.limit,
        "extra": quota.extra,
        "used": quota.used,
        "left": quota.left,
        "starts_at": clock.rfc3339(quota.starts_at),
        "resets_at": clock.rfc3339(quota.resets_at),
        "ends_at": clock.rfc3339(quota.ends_at),
    }


def reset(key_id: str, *, by: Principal, reason: str, plan: str | None = None) -> dict[str, Any]:
    """Start the present period anew for the key's consumer: in `plan`, or in every plan of the key that has a quota."""
    reason = _reason(reason)
    key = _key(key_id)
    with transaction.atomic():
        for limited in _plans(key, plan):
            row = _row(key, limited)
            before = _noted(row)
            row.generation, row.drawn = row.generation + 1, 0
            QuotaLedger.objects.filter(pk=row.pk).update(generation=F("generation") + 1, drawn=0)
            _record("usage.reset", key, limited, before, _noted(row), by, reason)
    return read(key_id)


def extend(key_id: str, amount: Any, *, by: Principal, reason: str, plan: str | None = None) -> dict[str, Any]:
    """Grant `amount` requests on top of the limit, in the present period only. `plan` is needed if several limit it."""
    reason = _reason(reason)
    if not isinstance(amount, int) or isinstance(amount, bool) or not 1 <= amount <= LARGEST_EXTENSION:
        raise _invalid("amount", f"Use a whole number of requests, from 1 to {LARGEST_EXTENSION}.")
    key = _key(key_id)
    with transaction.atomic():
        limited, *others = _plans(key, plan)
        if others:
            names = ", ".join(sorted(each.slug for each in (limited, *others)))
            raise _invalid("plan", f"This key has quotas in several plans: {names}. Name the one to extend.")
        row = _row(key, limited)
        before = _noted(row)
        row.extra += amount
        QuotaLedger.objects.filter(pk=row.pk).update(extra=F("extra") + amount)
        _record("usage.extend", key, limited, before, _noted(row), by, reason)
    return read(key_id)


def _key(key_id: str) -> ApiKey:
    key = ApiKey.objects.select_related("consumer").prefetch_related("plans").filter(pk=key_id).first()
    if key is None:
        raise NotFound(f"There is no key {key_id!r}.")
    return key


def _plans(key: ApiKey, named: str | None) -> list[UsagePlan]:
    """The key's plans with a quota, at least one."""
    limited = [plan for plan in key.plans.all() if plan.quota_limit is not None]
    if named:
        limited = [plan for plan in limited if plan.slug == named]
        if not limited:
            raise _invalid("plan", f"{named!r} is not a plan of this key that has a quota.")
    if not limited:
        raise Conflict("No plan of this key has a quota.")
    return sorted(limited, key=lambda plan: plan.slug)


def _row(key: ApiKey, plan: UsagePlan) -> Row:
    terms = usage.terms_of(plan, key.consumer.slug)
    row = opened(terms, *period(clock.now(), terms.period, terms.time_zone, terms.offset_h))
    if row is None:
        raise NotFound(f"{key.consumer} or {plan} was deleted.")
    return row


def _noted(row: Row) -> dict[str, int]:
    return {"drawn": row.drawn, "extra": row.extra, "generation": row.generation}


def _record(
    action: str, key: ApiKey, plan: UsagePlan, before: dict[str, int], after: dict[str, int], by: Principal, reason: str
) -> None:
    named = {"key": key.pk, "plan": plan.slug}
    subject = f"consumer:{key.consumer.slug}"
    record(action=action, subject=subject, by=by, before=named | before, after=named | after, reason=reason)


def _reason(reason: str) -> str:
    if not isinstance(reason, str) or not reason.strip():
        raise _invalid("reason", "Say why; it is kept.", code="required")
    return reason.strip()


def _invalid(path: str, message: str, *, code: str = "invalid") -> Invalid:
    return Invalid(message, problems=[FieldProblem(path, code, message)])
