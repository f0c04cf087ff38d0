"""The worst case that limits let through to a target: against trying every whole number of requests."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakers.core.demand import RouteLoad, demand, ways
from breakers.core.limits import Limits
from tests.breakers.documents_of_limits import METHODS, PLANS, ROUTES, STAGES, override, plan, stage, throttle

LITTLE = st.integers(1, 2)


@st.composite
def worlds(draw: Any) -> tuple[list[Any], list[Any], list[Any], list[RouteLoad], dict[str, int]]:
    """Few names and low rates, so that every way to spend them can be tried."""
    stages = [stage(slug, rate=draw(st.none() | LITTLE)) for slug in STAGES]
    plans = []
    for slug in draw(st.lists(st.sampled_from(PLANS), unique=True)):
        overrides = [override(draw(LITTLE), route) for route in draw(st.lists(st.sampled_from(ROUTES), max_size=1))]
        entered = draw(st.lists(st.sampled_from(STAGES), unique=True))
        mode = draw(st.sampled_from(["enforce", "enforce", "enforce", "count"]))
        plans.append(plan(slug, rate=draw(LITTLE), stages=entered, overrides=overrides, mode=mode))
    throttles = [throttle("all", "account", draw(st.integers(1, 4)))] if draw(st.booleans()) else []
    for route in draw(st.lists(st.sampled_from(ROUTES), unique=True, max_size=1)):
        throttles.append(throttle(f"of-{route}", "route", draw(LITTLE), route=route))
    routes = [
        RouteLoad(
            slug,
            ("GET",),
            tuple(draw(st.lists(st.sampled_from(STAGES), unique=True))),
            draw(st.booleans()),
            {"payment": draw(st.integers(1, 3))},
        )
        for slug in draw(st.lists(st.sampled_from(ROUTES), unique=True))
    ]
    return stages, plans, throttles, routes, {slug: draw(st.integers(0, 2)) for slug in PLANS}


def oracle(limits: Limits, plans: list[Any], routes: list[RouteLoad], consumers: dict[str, int]) -> int:
    """The most calls that whole requests can make within one second's tokens. The optimum is at whole numbers."""
    requests: list[tuple[int, tuple[tuple[str, int], ...]]] = []
    for route in routes:
        for where in route.stages:
            senders = [each for each in plans if where in each["stages"]] if route.api_key_required else [None]
            for sender in senders:
                slug = sender["slug"] if sender else None
                if slug and not consumers[slug]:
                    continue
                under = [
                    (limit.bucket, int(limit.rate) * (consumers[slug] if slug and limit.level == "client" else 1))
                    for limit in limits.effective(where, route.slug, "GET", slug)
                    if limit.mode == "enforce"
                ]
                if under:
                    requests.append((int(route.calls["payment"]), tuple(under)))
    capacity = {bucket: most for _, under in requests for bucket, most in under}

    @cache
    def best(index: int, left: tuple[tuple[str, int], ...]) -> int:
        if index == len(requests):
            return 0
        calls, under = requests[index]
        room = dict(left)
        most = min(room[bucket] for bucket, _ in under)
        found = 0
        for sent in range(most + 1):
            then = dict(room)
            for bucket, _ in under:
                then[bucket] -= sent
            found = max(found, sent * calls + best(index + 1, tuple(sorted(then.items()))))
        return found

    return best(0, tuple(sorted(capacity.items())))


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_the_worst_case_is_the_most_that_any_mix_of_requests_can_make(world: Any) -> None:
    stages, plans, throttles, routes, consumers = world
    limits = Limits(stages, plans, throttles)
    found = ways(limits, routes, {each["slug"]: each["stages"] for each in plans}, "payment")
    worst = demand(found, consumers)
    assert worst.per_s == pytest.approx(oracle(limits, plans, routes, consumers))
    assert worst.per_s <= worst.asked_per_s + 1e-6
    assert bool(worst.held_by) == (worst.per_s < worst.asked_per_s - 1e-6)


GOLD = plan("gold", title="Gold", rate=100)
FREE = plan("free", title="Free", rate=5)
PAGE = RouteLoad("page", METHODS, ("main",), True, {"payment": 3})
PAY = RouteLoad("pay", ("POST",), ("main",), True, {"payment": 1})


def said(stages: list[Any], plans: list[Any], throttles: list[Any], routes: list[RouteLoad], **consumers: int) -> str:
    found = ways(Limits(stages, plans, throttles), routes, {each["slug"]: each["stages"] for each in plans}, "payment")
    return str(demand(found, consumers))


def test_the_worst_route_counts_for_a_plan() -> None:
    assert said([], [GOLD], [], [PAGE, PAY], gold=1) == "Gold 100/s x 3 calls = 300/s"


def test_every_consumer_of_every_plan_counts() -> None:
    text = "Gold 100/s x 4 consumers x 3 calls + Free 5/s x 10 consumers x 3 calls = 1,350/s"
    assert said([], [GOLD, FREE], [], [PAGE, PAY], gold=4, free=10) == text
    assert said([], [GOLD, FREE], [], [PAY], gold=1, free=0) == "Gold 100/s"


def test_an_override_is_an_allowance_of_its_own() -> None:
    gold = {**GOLD, "overrides": [override(10, "page")]}
    assert said([], [gold], [], [PAGE, PAY], gold=2) == (
        "Gold 100/s x 2 consumers + Gold (page) 10/s x 2 consumers x 3 calls = 260/s"
    )


def test_shared_limits_hold_the_sum_down() -> None:
    text = "Gold 100/s x 4 consumers x 3 calls = 1,200/s, held to 450/s by stage Main"
    assert said([stage("main", title="Main", rate=150)], [GOLD], [], [PAGE], gold=4) == text
    limits = [throttle("pages", "route", 50, route="page"), throttle("all", "account", 80)]
    text = "Gold 100/s x 4 consumers x 3 calls = 1,200/s, held to 180/s by throttle pages and throttle all"
    assert said([], [GOLD], limits, [PAGE, PAY], gold=4) == text


def test_what_anybody_may_send_counts_by_the_limit_that_they_share() -> None:
    open_page = RouteLoad("page", ("GET",), ("main",), False, {"payment": 2})
    stages = [stage("main", title="Main", rate=40)]
    assert said(stages, [], [], [open_page]) == "anybody through stage Main 40/s x 2 calls = 80/s"
    assert said([], [], [], [open_page]) == ""
