"""What a consumer may know of its own use: each plan of its key in each stage, and what is left of it."""

from typing import Any

from breakers.core.limits import burst_of
from controlplane.kernel.clock import from_ms, rfc3339

from .door import Admission
from .gates import Document, terms_of
from .identify import Key


async def own_usage(admission: Admission, key: Key, now_ms: float) -> dict[str, Any]:
    """The document of `GET /-/usage`. Exact but for what other front doors hold ahead, about a second's."""
    entries = []
    for slug, stage in admission.entered(key):
        plan = admission.plans[slug]
        rate, burst = plan["rate"], plan["burst"]
        entries.append(
            {
                "plan": slug,
                "title": plan["title"] or slug,
                "stage": stage,
                "mode": plan["mode"],
                "rate": rate,
                "burst": None if rate is None else burst_of(rate, burst),
                "overrides": plan["overrides"],
                "quota": await _quota(admission, plan, key, now_ms),
            }
        )
    return {"consumer": key.consumer, "key": key.prefix, "plans": entries}


async def _quota(admission: Admission, plan: Document, key: Key, now_ms: float) -> dict[str, Any] | None:
    terms = terms_of(plan, key.consumer)
    if terms is None:
        return None
    use = await admission.quotas.read(terms, now_ms)
    told = use.known or not admission.quotas.away  # a ledger that answers without a row: nothing was used yet
    return {
        "limit": use.limit + use.extra,
        "period": terms.period,
        "time_zone": terms.time_zone,
        "used": use.used if told else None,
        "left": use.left if told else None,
        "starts_at": rfc3339(from_ms(round(use.starts_ms))),
        "resets_at": rfc3339(from_ms(round(use.resets_ms))),
    }
