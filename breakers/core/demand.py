"""How many calls a second the limits let through to one target at worst.

Requests flow from clients (a plan's bucket times its consumers, or anybody) through the buckets of stages, and all of
them through the account's. The worst case is the flow that makes the most calls: a maximum-cost flow, found by
successive longest paths (Ahuja, Magnanti, Orlin: Network Flows, section 9.7).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from .limits import Limit, Limits, number

INFINITE = math.inf
TINY = 1e-9
ANYBODY = ""


class RouteLoad(msgspec.Struct, frozen=True):
    """An enabled route: the requests that it takes, how often one of them calls each target, and for how long its
    answers are kept (None: as its stage says)."""

    slug: str
    methods: tuple[str, ...]
    stages: tuple[str, ...]
    api_key_required: bool
    calls: dict[str, float]
    kept_s: float | None = None


class Way(NamedTuple):
    """How requests of one kind reach a target: whose they are (a plan, or ANYBODY), under which limits, and its calls.

    `client` and `stage` are None where nothing bounds them at that level.
    """

    plan: str
    client: Limit | None
    stage: Limit | None
    account: Limit | None
    route: str
    calls: float

    @property
    def bounded(self) -> bool:
        return any(limit is not None for limit in (self.client, self.stage, self.account))


class Term(NamedTuple):
    """What one source of requests could ask for by itself: `rate` x `consumers` x `calls`."""

    name: str
    rate: float
    consumers: int
    calls: float
    source: str

    @property
    def per_s(self) -> float:
        return self.rate * self.consumers * self.calls

    def __str__(self) -> str:
        factors = [f"{self.name} {number(self.rate)}/s"]
        if self.consumers != 1:
            factors.append(f"{self.consumers} consumers")
        if self.calls != 1:
            factors.append(f"{number(self.calls)} calls")
        return " x ".join(factors)


class Demand(NamedTuple):
    """The worst case: `per_s` calls a second, what it is made of, and which shared limits hold it down, if any."""

    per_s: float
    terms: tuple[Term, ...]
    held_by: tuple[Limit, ...]

    @property
    def asked_per_s(self) -> float:
        return sum(term.per_s for term in self.terms)

    def __str__(self) -> str:
        text = " + ".join(str(term) for term in self.terms)
        if " x " in text or len(self.terms) > 1:
            text += f" = {number(self.asked_per_s)}/s"
        if self.held_by:
            text += f", held to {number(self.per_s)}/s by {' and '.join(limit.name for limit in self.held_by)}"
        return text


def ways(
    limits: Limits, routes: Iterable[RouteLoad], plan_stages: Mapping[str, Iterable[str]], target: str
) -> list[Way]:
    """Every way to the target; of ways under the same limits, if any, only the one with the most calls."""
    found: dict[tuple[Any, ...], Way] = {}
    entered = {plan: frozenset(stages) for plan, stages in plan_stages.items()}
    for route in routes:
        calls = route.calls.get(target, 0)
        if calls <= 0:
            continue
        for stage in route.stages:
            plans = [p for p, stages in entered.items() if stage in stages] if route.api_key_required else [ANYBODY]
            for method in route.methods:
                for plan in plans:
                    under = {limit.level: limit for limit in limits.effective(stage, route.slug, method, plan or None)}
                    client = under.get("client")
                    if client is not None and client.mode == "count":
                        client = None  # it refuses nobody
                    shared, account = under.get("stage"), under.get("account")
                    way = Way(plan, client, shared, account, route.slug, calls)
                    key = (plan, client, shared, account, "" if way.bounded else route.slug)
                    if key not in found or found[key].calls < calls:
                        found[key] = way
    return list(found.values())


def demand(found: Iterable[Way], consumers: Mapping[str, int]) -> Demand:
    """The most calls a second over these ways; those that nothing bounds are left out, as they have no figure."""
    bounded = [way for way in found if way.bounded and (way.plan == ANYBODY or consumers.get(way.plan, 0) > 0)]
    terms = _terms(bounded, consumers)
    asked = sum(term.per_s for term in terms)
    per_s, held_by = _most(bounded, consumers)
    if per_s >= asked - TINY * max(1.0, asked):
        return Demand(asked, terms, ())
    return Demand(per_s, terms, held_by)


def _terms(found: list[Way], consumers: Mapping[str, int]) -> tuple[Term, ...]:
    """One for each client's bucket; where no client's bounds, one for the shared bucket that does."""
    best: dict[str, Term] = {}
    for way in found:
        own = way.client
        limit = own or way.stage or way.account
        assert limit is not None
        name = _client_name(limit) if own is not None else f"anybody through {limit.name}"
        term = Term(name, limit.rate, consumers.get(way.plan, 1) if own is not None else 1, way.calls, limit.source)
        if limit.bucket not in best or best[limit.bucket].calls < way.calls:
            best[limit.bucket] = term
    return tuple(sorted(best.values(), key=lambda term: (-term.per_s, term.name)))


def _client_name(limit: Limit) -> str:
    override = limit.source.partition(" override ")[2]
    return f"{limit.title} ({override})" if override else limit.title


def _most(found: list[Way], consumers: Mapping[str, int]) -> tuple[float, tuple[Limit, ...]]:
    """The value of the best flow, and the shared limits that are used up in it."""
    caps: dict[str, float] = {}
    shared: dict[str, Limit] = {}
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    account: Limit | None = None
    for way in found:
        client = f"client {way.client.bucket}" if way.client else f"client {way.plan}"
        caps[client] = way.client.rate * consumers.get(way.plan, 1) if way.client else INFINITE
        stage = f"shared {way.stage.bucket}" if way.stage else "shared"
        caps[stage] = way.stage.rate if way.stage else INFINITE
        if way.stage is not None:
            shared[stage] = way.stage
        account = way.account or account
        weights[client][stage] = max(way.calls, weights[client].get(stage, 0))
    value, used, total = _flow(*_alike(caps, weights), account.rate if account else INFINITE)
    full = [limit for stage, limit in sorted(shared.items()) if used[stage] >= limit.rate * (1 - TINY)]
    if account is not None and total >= account.rate * (1 - TINY):
        full.append(account)
    return value, tuple(full)


def _alike(
    caps: dict[str, float], weights: Mapping[str, dict[str, float]]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Clients with the same ways count as one that may what all of them may: the same flow, and sooner found."""
    groups: dict[frozenset[tuple[str, float]], str] = {}
    kept: dict[str, dict[str, float]] = {}
    sums = {name: cap for name, cap in caps.items() if name not in weights}
    for client, edges in weights.items():
        first = groups.setdefault(frozenset(edges.items()), client)
        kept[first] = edges
        sums[first] = sums.get(first, 0.0) + caps[client]
    return sums, kept


def _flow(
    caps: dict[str, float], weights: dict[str, dict[str, float]], most: float
) -> tuple[float, dict[str, float], float]:
    """(calls, flow through each shared bucket, flow in all) of the flow of at most `most` that makes the most calls."""
    left = dict(caps)
    flow: dict[tuple[str, str], float] = defaultdict(float)
    total = value = 0.0
    while most - total > TINY:
        path, gain = _longest(left, weights, flow)
        if gain <= TINY:
            break
        # The path alternates: client, shared, client, shared ...; every second step takes flow back.
        step = min(left[path[0]], left[path[-1]], most - total)
        for client, bucket in zip(path[2::2], path[1::2], strict=False):
            step = min(step, flow[client, bucket])
        for client, bucket in zip(path[::2], path[1::2], strict=True):
            flow[client, bucket] += step
        for client, bucket in zip(path[2::2], path[1::2], strict=False):
            flow[client, bucket] -= step
        left[path[0]] -= step
        left[path[-1]] -= step
        total += step
        value += step * gain
    used: dict[str, float] = defaultdict(float)
    for (_, bucket), amount in flow.items():
        used[bucket] += amount
    return value, used, total


def _longest(
    left: dict[str, float], weights: dict[str, dict[str, float]], flow: Mapping[tuple[str, str], float]
) -> tuple[list[str], float]:
    """The path of most gain from a client with something left to a shared bucket with something left."""
    gain: dict[str, float] = {client: 0.0 for client in weights if left[client] > TINY}
    before: dict[str, str] = {}
    changed = True
    while changed:
        changed = False
        for client, edges in weights.items():
            for bucket, weight in edges.items():
                if client in gain and gain[client] + weight > gain.get(bucket, -INFINITE) + TINY:
                    gain[bucket], before[bucket], changed = gain[client] + weight, client, True
                back = flow.get((client, bucket), 0.0) > TINY
                if back and bucket in gain and gain[bucket] - weight > gain.get(client, -INFINITE) + TINY:
                    gain[client], before[client], changed = gain[bucket] - weight, bucket, True
    ends = {name: g for name, g in gain.items() if name not in weights and left[name] > TINY}
    if not ends:
        return [], 0.0
    end = max(sorted(ends), key=lambda name: ends[name])
    path = [end]
    while path[0] in before:
        path.insert(0, before[path[0]])
    return path, ends[end]
