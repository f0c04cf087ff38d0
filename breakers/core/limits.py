"""Which limits a request is under, and why: three levels, and at each the most specific rule replaces its parent.

    client    plan's override (route and method) > override (route) > override (method) > plan's own rate
    stage     throttle of the method > of the route > of the stage > the stage's own rate
    account   throttle of the account

All that apply are enforced; a request takes a token of each or none. API Gateway documents the same order:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

Level = Literal["client", "stage", "account"]
LEVELS: tuple[Level, ...] = ("client", "stage", "account")
OnStoreError = Literal["open", "closed", "local"]
Document = Mapping[str, Any]
# (route, method); None matches any.
Spot = tuple[str | None, str | None]


class Limit(msgspec.Struct, frozen=True):
    """One token bucket: `rate` tokens per second, at most `burst` at once.

    `source` names the rule, as "plan:gold", "plan:gold override POST articles", "throttle:peak" or "stage:main".
    `bucket` is the whole name of a bucket that everybody shares; a client's is completed by `bucket_for`.
    """

    level: Level
    source: str
    title: str
    bucket: str
    rate: float
    burst: int
    on_store_error: OnStoreError = "local"
    mode: Literal["enforce", "count"] = "enforce"

    def bucket_for(self, consumer: str) -> str:
        """The bucket of `consumer`: one per consumer at the client's level, the shared one at the others."""
        return f"{self.bucket}@{consumer}" if self.level == "client" else self.bucket

    @property
    def name(self) -> str:
        """What a person calls the rule: "override POST article-page of plan Gold"."""
        rule, _, override = self.source.partition(" override ")
        own = f"{rule.partition(':')[0]} {self.title}"
        return f"override {override} of {own}" if override else own

    def figures(self) -> str:
        """The limit in words: "5/s, burst 10"."""
        return f"{number(self.rate)}/s, burst {number(self.burst)}"


class Explained(NamedTuple):
    """A limit that has to do with a request, whether it is the one that counts at its level, and why."""

    limit: Limit
    wins: bool
    why: str


class Limits:
    """The limits of one configuration version, from the public documents of its stages, plans and throttles.

    The method is the one that the route lists: a HEAD that a route serves by its GET counts as that GET.
    """

    def __init__(
        self, stages: Iterable[Document] = (), plans: Iterable[Document] = (), throttles: Iterable[Document] = ()
    ) -> None:
        self._defaults = {stage["slug"]: limit for stage in stages if (limit := _of_stage(stage)) is not None}
        self._plans = {plan["slug"]: _of_plan(plan) for plan in plans}
        self._throttles: dict[tuple[str, str | None, str | None, str | None], Limit] = {}
        for throttle in throttles:
            place = (throttle["scope"], throttle["stage"], throttle["route"], throttle["method"])
            self._throttles[place] = _of_throttle(throttle)

    def effective(self, stage: str, route: str | None, method: str, plan: str | None) -> tuple[Limit, ...]:
        """The limits that a request must pass, client's first. `plan` is None where no plan is metered."""
        found = (self._candidates(level, stage, route, method, plan) for level in LEVELS)
        return tuple(candidates[0] for candidates in found if candidates)

    def explain(self, stage: str, route: str | None, method: str, plan: str | None) -> list[Explained]:
        """Every limit that has to do with such a request: those that count first, then what each replaces."""
        winners: list[Explained] = []
        replaced: list[Explained] = []
        for level in LEVELS:
            candidates = self._candidates(level, stage, route, method, plan)
            for index, limit in enumerate(candidates):
                if index == 0:
                    winners.append(Explained(limit, True, _wins(limit, candidates[1:])))
                else:
                    why = f"{limit.name}: {limit.figures()} - replaced by {candidates[0].name}"
                    replaced.append(Explained(limit, False, why))
        return winners + replaced

    def clients(self) -> Iterator[Limit]:
        """Every limit of every plan."""
        for rules in self._plans.values():
            yield from rules.values()

    def _candidates(self, level: Level, stage: str, route: str | None, method: str, plan: str | None) -> list[Limit]:
        """What applies at a level, the most specific first."""
        if level == "client":
            spots: list[Spot] = [(route, method), (route, None), (None, method), (None, None)]
            rules = self._plans.get(plan, {}) if plan is not None else {}
            return [rules[spot] for spot in dict.fromkeys(spots) if spot in rules]
        if level == "account":
            account = self._throttles.get(("account", None, None, None))
            return [] if account is None else [account]
        # Within a scope the rule that states more goes first, and a route states more than a stage.
        places = [
            ("method", stage, route, method),
            ("method", None, route, method),
            ("method", stage, None, method),
            ("method", None, None, method),
            ("route", stage, route, None),
            ("route", None, route, None),
            ("stage", stage, None, None),
        ]
        found = [self._throttles[place] for place in dict.fromkeys(places) if place in self._throttles]
        default = self._defaults.get(stage)
        return found if default is None else [*found, default]


def burst_of(rate: float, burst: int | None) -> int:
    """The stated burst, or one second of the rate, at least one request."""
    return max(1, math.ceil(rate)) if burst is None else burst


def number(value: float) -> str:
    """A figure as people write it: 1,200 or 0.5."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.3g}"


def _of_stage(stage: Document) -> Limit | None:
    if stage["rate"] is None:
        return None
    slug, rate = stage["slug"], stage["rate"]
    source = f"stage:{slug}"
    burst = burst_of(rate, stage["burst"])
    return Limit("stage", source, stage["title"] or slug, source, rate, burst, stage["on_store_error"])


def _of_throttle(throttle: Document) -> Limit:
    slug, rate = throttle["slug"], throttle["rate"]
    source = f"throttle:{slug}"
    level: Level = "account" if throttle["scope"] == "account" else "stage"
    burst = burst_of(rate, throttle["burst"])
    return Limit(level, source, throttle["title"] or slug, source, rate, burst, throttle["on_store_error"])


def _of_plan(plan: Document) -> dict[Spot, Limit]:
    """The plan's own limit at (None, None), if it has one, and its overrides at their spots."""
    slug, title = plan["slug"], plan["title"] or plan["slug"]

    def limit(source: str, bucket: str, rate: float, burst: int | None) -> Limit:
        return Limit("client", source, title, bucket, rate, burst_of(rate, burst), plan["on_store_error"], plan["mode"])

    rules: dict[Spot, Limit] = {}
    if plan["rate"] is not None:
        rules[None, None] = limit(f"plan:{slug}", f"plan:{slug}", plan["rate"], plan["burst"])
    for override in plan["overrides"]:
        route, method = override["route"], override["method"]
        spot = " ".join(word for word in (method, route) if word)
        bucket = f"plan:{slug}/{route or ''}/{method or ''}"
        rules[route, method] = limit(f"plan:{slug} override {spot}", bucket, override["rate"], override["burst"])
    return rules


def _wins(limit: Limit, others: list[Limit]) -> str:
    """Why this limit counts: "override POST article-page of plan Gold: 5/s, burst 10 - replaces the plan's 100/s"."""
    said = f"{limit.name}: {limit.figures()}"
    if others:
        parent = others[0]
        own = limit.level == "client" and " override " not in parent.source
        rate = f"{number(parent.rate)}/s"
        said += f" - replaces the plan's {rate}" if own else f" - replaces the {rate} of {parent.name}"
    return f"{said} (counted only, refuses nobody)" if limit.mode == "count" else said
