"""Whether limits, routes and targets fit each other: what could not hold at worst, and what never has an effect."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from .demand import ANYBODY, RouteLoad, Way, demand, ways
from .limits import Limit, Limits, burst_of, number

Severity = Literal["warning", "notice"]
SEVERITIES = ("warning", "notice")
Document = Mapping[str, Any]

# The longest that a period can be: clocks are set back by an hour, and months have up to 31 days.
LONGEST_S = {"DAY": 25 * 3600, "WEEK": (7 * 24 + 1) * 3600, "MONTH": (31 * 24 + 1) * 3600}
AWS_KEPT_S = 3600  # cacheTtlInSeconds of API Gateway's method settings
A_PERIOD = {"DAY": "a day", "WEEK": "a week", "MONTH": "a month"}


class TargetTerms(msgspec.Struct, frozen=True):
    """What a target takes: contracts as (limit, period in seconds), and concurrent calls of one front door."""

    slug: str
    contracts: tuple[tuple[int, float], ...] = ()
    max_concurrency: int = 64

    @property
    def per_s(self) -> float | None:
        """Calls a second that its contracts allow in the long run; None without a contract."""
        return min((limit / period_s for limit, period_s in self.contracts), default=None)

    def allows(self) -> str:
        """The contract in words: "contract of payment allows 120/s"."""
        limit, period_s = min(self.contracts, key=lambda contract: contract[0] / contract[1])
        figure = f"{number(limit / period_s)}/s"
        said = figure if period_s == 1 else f"{number(limit)} in {number(period_s)} s ({figure})"
        return f"contract of {self.slug} allows {said}"


class Installation(msgspec.Struct, frozen=True):
    """What is judged: public documents of stages, plans and throttles, enabled routes, targets, and how many consumers
    have a working key of each plan."""

    stages: tuple[Document, ...]
    plans: tuple[Document, ...]
    throttles: tuple[Document, ...]
    routes: tuple[RouteLoad, ...]
    targets: tuple[TargetTerms, ...]
    consumers: dict[str, int]
    front_doors: int = 1

    def limits(self) -> Limits:
        return Limits(self.stages, self.plans, self.throttles)


class Finding(msgspec.Struct, frozen=True):
    """Something that does not fit. It is about the noun `kind` `slug`; `names` lists every noun that plays a part, as
    "plan:gold"."""

    severity: Severity
    kind: str
    slug: str
    code: str
    sentence: str
    figures: dict[str, Any] = {}
    names: tuple[str, ...] = ()

    def touches(self, kind: str, slug: str) -> bool:
        """Whether the noun is what it is about, or plays a part."""
        return (self.kind, self.slug) == (kind, slug) or f"{kind}:{slug}" in self.names


def findings(installation: Installation) -> list[Finding]:
    """Everything that does not fit, warnings first."""
    limits = installation.limits()
    opened = {plan["slug"]: plan["stages"] for plan in installation.plans}
    found = [
        *_plans(installation),
        *_closed_routes(installation),
        *_without_effect(installation, limits),
        *_kept(installation),
    ]
    for target in installation.targets:
        to_target = ways(limits, installation.routes, opened, target.slug)
        found += [*_contract(installation, target, to_target), *_bursts(installation, target, to_target)]
    return sorted(found, key=lambda each: (each.severity != "warning", each.kind, each.slug, each.code, each.sentence))


def _contract(installation: Installation, target: TargetTerms, found: list[Way]) -> Iterator[Finding]:
    """What may be asked of the target in the long run, against what its contracts allow."""
    allowed = target.per_s
    if allowed is None or not found:
        return
    worst = demand(found, installation.consumers)
    if worst.per_s > allowed * (1 + 1e-9):
        figures = {
            "demand_per_s": worst.per_s,
            "asked_per_s": worst.asked_per_s,
            "allowed_per_s": allowed,
            "terms": [{**term._asdict(), "per_s": term.per_s} for term in worst.terms],
        }
        names = _names(found, [term.source for term in worst.terms], worst.held_by)
        sentence = f"{worst}, {target.allows()}"
        yield Finding("warning", "target", target.slug, "contract-exceeded", sentence, figures, names)
    titles = {plan["slug"]: plan["title"] or plan["slug"] for plan in installation.plans}
    for slug, title in titles.items():
        own = [way for way in found if way.plan == slug]
        unbounded = sorted({way.route for way in own if not way.bounded})
        if unbounded:
            text = f"Nothing bounds the consumers of plan {title} on {_listed('route', unbounded)}; {target.allows()}."
            names = (f"target:{target.slug}", *(f"route:{route}" for route in unbounded))
            yield Finding("warning", "plan", slug, "plan-unlimited", text, {"allowed_per_s": allowed}, names)
        if installation.consumers.get(slug, 0) == 0:
            one = demand(own, {slug: 1})
            if one.per_s > allowed * (1 + 1e-9):
                text = f"{one}, {target.allows()}. No consumer has a key of this plan yet; the first may do that."
                figures = {"demand_per_s": one.per_s, "allowed_per_s": allowed}
                names = (f"target:{target.slug}", *_names(own, [term.source for term in one.terms], one.held_by))
                yield Finding("warning", "plan", slug, "contract-exceeded-by-one", text, figures, names)
    for route in sorted({way.route for way in found if way.plan == ANYBODY and not way.bounded}):
        text = f"Route {route} needs no key and no throttle covers it: anybody may call without end; {target.allows()}."
        names = (f"target:{target.slug}",)
        yield Finding("notice", "route", route, "open-unlimited", text, {"allowed_per_s": allowed}, names)


def _bursts(installation: Installation, target: TargetTerms, found: list[Way]) -> Iterator[Finding]:
    """Requests that may come at once, against the calls that may be under way at once."""
    most = target.max_concurrency * installation.front_doors
    worst: dict[str, tuple[float, Way, Limit]] = {}
    for way in found:
        under = [limit for limit in (way.client, way.stage, way.account) if limit is not None]
        if not under:
            continue
        least = min(under, key=lambda limit: limit.burst)
        if least.burst * way.calls > most and worst.get(least.source, (0.0,))[0] < least.burst * way.calls:
            worst[least.source] = (least.burst * way.calls, way, least)
    for at_once, way, limit in worst.values():
        product = f" x {number(way.calls)} calls = {number(at_once)}" if way.calls != 1 else ""
        doors = "" if installation.front_doors == 1 else f" x {installation.front_doors} front doors = {number(most)}"
        text = (
            f"Burst {number(limit.burst)}{product} of {limit.name} is more than {target.slug} takes at once: "
            f"{number(target.max_concurrency)}{doors}. Calls above that are refused."
        )
        figures = {"at_once": at_once, "most": most, "front_doors": installation.front_doors}
        kind, _, slug = limit.source.partition(" ")[0].partition(":")
        names = (f"target:{target.slug}", f"route:{way.route}")
        yield Finding("notice", kind, slug, "burst-above-concurrency", text, figures, names)


def _plans(installation: Installation) -> Iterator[Finding]:
    """Plans that open nothing, limit nothing, or promise what their own rate never reaches."""
    keyed = [route for route in installation.routes if route.api_key_required]
    for plan in installation.plans:
        slug, title = plan["slug"], plan["title"] or plan["slug"]
        if not plan["stages"]:
            text = f"Plan {title} has no stage: its keys open nothing."
            yield Finding("warning", "plan", slug, "plan-without-stages", text)
        elif not any(set(plan["stages"]) & set(route.stages) for route in keyed):
            text = f"No route of {_listed('stage', plan['stages'])} needs a key: plan {title} limits nothing."
            yield Finding("notice", "plan", slug, "plan-unmetered", text)
        quota = plan["quota"]
        if quota is None or plan["rate"] is None:
            continue
        parts = [plan, *plan["overrides"]]
        rate = sum(part["rate"] for part in parts)
        burst = sum(burst_of(part["rate"], part["burst"]) for part in parts)
        reach = rate * LONGEST_S[quota["period"]] + burst
        if quota["limit"] > reach:
            text = (
                f"The quota of plan {title}, {number(quota['limit'])} {A_PERIOD[quota['period']]}, is never reached: "
                f"{number(rate)}/s gives at most {number(int(reach))}."
            )
            figures = {"limit": quota["limit"], "reach": int(reach)}
            yield Finding("notice", "plan", slug, "quota-unreachable", text, figures)


def _closed_routes(installation: Installation) -> Iterator[Finding]:
    """Routes that nobody can call, because no plan opens their stage."""
    opened = {stage for plan in installation.plans for stage in plan["stages"]}
    for route in installation.routes:
        shut = sorted(set(route.stages) - opened) if route.api_key_required else []
        if shut:
            where = _listed("stage", shut)
            text = f"Route {route.slug} needs a key, and no plan opens {where}: nobody can call it there."
            names = tuple(f"stage:{stage}" for stage in shut)
            yield Finding("warning", "route", route.slug, "no-plan-in-stage", text, {"stages": shut}, names)


def _without_effect(installation: Installation, limits: Limits) -> Iterator[Finding]:
    """Throttles and overrides that no request meets."""
    met: set[str] = set()
    shadowed: dict[str, str] = {}
    for route in installation.routes:
        for stage in route.stages:
            plans = [p["slug"] for p in installation.plans if stage in p["stages"]] if route.api_key_required else []
            for method in route.methods:
                for plan in plans or [None]:
                    explained = limits.explain(stage, route.slug, method, plan)
                    met |= {each.limit.source for each in explained if each.wins}
                    shadowed |= {each.limit.source: each.why for each in explained if not each.wins}

    def why(source: str, nothing: str) -> str:
        return f"{shadowed[source].partition(' - ')[2]} everywhere" if source in shadowed else nothing

    for throttle in installation.throttles:
        source = f"throttle:{throttle['slug']}"
        if throttle["scope"] in ("route", "method") and source not in met:
            text = f"No request meets throttle {throttle['title'] or throttle['slug']}: "
            text += why(source, "no enabled route takes such requests") + "."
            yield Finding("notice", "throttle", throttle["slug"], "throttle-unmet", text)
    for limit in limits.clients():
        if " override " in limit.source and limit.source not in met:
            slug, _, spot = limit.source.removeprefix("plan:").partition(" override ")
            text = f"No request meets override {spot} of plan {limit.title}: "
            text += why(limit.source, "no enabled route of its stages that needs a key takes such requests") + "."
            yield Finding("notice", "plan", slug, "override-unmet", text, {"override": spot})


def _kept(installation: Installation) -> Iterator[Finding]:
    """Lifetimes of answers that work here, and that API Gateway could not take over."""
    lifetimes = [("route", route.slug, route.kept_s) for route in installation.routes]
    lifetimes += [("stage", stage["slug"], (stage.get("cache") or {}).get("ttl_s")) for stage in installation.stages]
    for kind, slug, kept_s in lifetimes:
        if kept_s is not None and kept_s > AWS_KEPT_S:
            text = (
                f"{kind.capitalize()} {slug} keeps answers for {number(kept_s)} s. That works here; API Gateway keeps "
                f"them for {number(AWS_KEPT_S)} s at most."
            )
            yield Finding("warning", kind, slug, "kept-longer-than-aws", text, {"ttl_s": kept_s, "most_s": AWS_KEPT_S})


def _names(found: Iterable[Way], sources: list[str], held_by: Iterable[Limit]) -> tuple[str, ...]:
    """The nouns behind a figure: limits, and the routes that they lead to."""
    limits = [*sources, *(limit.source for limit in held_by)]
    routes = [f"route:{way.route}" for way in found if way.bounded]
    return tuple(dict.fromkeys([*(source.partition(" ")[0] for source in limits), *sorted(routes)]))


def _listed(noun: str, slugs: Iterable[str]) -> str:
    words = list(slugs)
    return f"{noun}{'s' if len(words) != 1 else ''} {', '.join(words)}"
