"""The capacity page: findings worst first, and each target's worst case beside what its contract allows."""

from collections.abc import Sequence
from typing import NamedTuple

from breakers import capacity
from breakers.core.capacity import Installation, TargetTerms, findings
from breakers.core.demand import demand, ways
from breakers.core.limits import number
from breakers.models import Target

from . import charts
from .findings import Shown, shown


class TargetRow(NamedTuple):
    """One target: what it could be asked at worst, made of what, and what it allows. `bar` shows both."""

    slug: str
    title: str
    worst: str
    allowed: str
    exceeded: bool
    endless: bool
    made_of: str
    bar: str


class Capacity(NamedTuple):
    findings: Sequence[Shown]
    targets: Sequence[TargetRow]


def capacity_of() -> Capacity:
    found = capacity.installation()
    titles = {target.slug: str(target) for target in Target.objects.all()}
    rows = [_row(found, target, titles[target.slug]) for target in found.targets]
    rows.sort(key=lambda row: (not row.exceeded, not (row.endless and row.allowed), not row.allowed, row.title.lower()))
    return Capacity(shown(findings(found)), rows)


def _row(found: Installation, target: TargetTerms, title: str) -> TargetRow:
    leading = ways(found.limits(), found.routes, {plan["slug"]: plan["stages"] for plan in found.plans}, target.slug)
    worst = demand(leading, found.consumers)
    counted = [way for way in leading if not way.plan or found.consumers.get(way.plan, 0)]
    endless = any(not way.bounded for way in counted)
    allowed = target.per_s
    if not leading:
        made_of = "No enabled route calls it."
    elif endless:
        routes = sorted({way.route for way in counted if not way.bounded})
        made_of = f"Nothing limits route{'s' if len(routes) > 1 else ''} {', '.join(routes)}."
    elif not counted:
        made_of = "No consumer has a key that leads here yet."
    else:
        made_of = f"{str(worst)[:1].upper()}{str(worst)[1:]}."
    # What nothing limits has no figure: that of the ways that are limited would pass for the whole.
    exceeded = allowed is not None and not endless and worst.per_s > allowed * (1 + 1e-9)
    bar = ""
    if allowed is not None and counted and not endless:
        drawn = charts.quota(
            f"demand-{target.slug}",
            f"Worst case of {title}",
            used=worst.per_s,
            limit=allowed,
            words=made_of,
            top=max(worst.per_s, allowed),
        )
        bar = drawn.parts[0].svg
    return TargetRow(
        target.slug,
        title,
        "no limit" if endless else f"{number(worst.per_s)}/s" if counted else "0/s",
        "" if allowed is None else f"{number(allowed)}/s",
        exceeded,
        endless,
        made_of,
        bar,
    )
