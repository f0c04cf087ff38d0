"""What does not fit is found, said in a sentence, and gone once it is corrected."""

from typing import Any

from breakers.core.capacity import Finding, Installation, TargetTerms, findings
from breakers.core.demand import RouteLoad
from tests.breakers.documents_of_limits import override, plan, stage, throttle

GOLD = plan("gold", title="Gold", rate=100, burst=50)
PAGE = RouteLoad("page", ("GET",), ("main",), True, {"payment": 3})
PAYMENT = TargetTerms("payment", ((120, 1.0),), 200)


def found(**parts: Any) -> list[Finding]:
    plain: dict[str, Any] = {
        "stages": (stage("main", title="Main"),),
        "plans": (GOLD,),
        "throttles": (),
        "routes": (PAGE,),
        "targets": (PAYMENT,),
        "consumers": {"gold": 1},
    }
    return findings(Installation(**{**plain, **parts}))


def said(**parts: Any) -> list[tuple[str, str, str]]:
    return [(each.kind, each.code, each.sentence) for each in found(**parts)]


def test_more_than_a_contract_allows_is_a_warning_with_the_sum() -> None:
    (finding,) = found()
    assert (finding.severity, finding.kind, finding.slug, finding.code) == (
        "warning",
        "target",
        "payment",
        "contract-exceeded",
    )
    assert finding.sentence == "Gold 100/s x 3 calls = 300/s, contract of payment allows 120/s"
    assert (finding.figures["demand_per_s"], finding.figures["allowed_per_s"]) == (300, 120)
    assert finding.touches("plan", "gold")
    assert finding.touches("route", "page")
    assert finding.touches("target", "payment")
    assert not finding.touches("plan", "free")


def test_a_lower_rate_a_throttle_or_a_larger_contract_mends_it() -> None:
    assert said(plans=({**GOLD, "rate": 40},)) == []
    assert said(throttles=(throttle("pages", "route", 40, route="page"),)) == []
    assert said(targets=(TargetTerms("payment", ((300, 1.0),), 200),)) == []
    assert said(targets=(TargetTerms("payment", (), 200),)) == []


def test_the_tightest_contract_counts_in_its_own_period() -> None:
    payment = TargetTerms("payment", ((500, 1.0), (600, 60.0)), 200)
    (text,) = (sentence for _, _, sentence in said(targets=(payment,)))
    assert text == "Gold 100/s x 3 calls = 300/s, contract of payment allows 600 in 60 s (10/s)"


def test_a_plan_that_nobody_has_is_judged_by_its_first_consumer() -> None:
    (finding,) = found(consumers={})
    assert (finding.kind, finding.slug, finding.code) == ("plan", "gold", "contract-exceeded-by-one")
    assert finding.sentence.startswith("Gold 100/s x 3 calls = 300/s, contract of payment allows 120/s. No consumer")


def test_what_nothing_bounds_is_named() -> None:
    open_page = RouteLoad("page", ("GET",), ("main",), False, {"payment": 1})
    (finding,) = found(routes=(open_page,), plans=())
    assert (finding.severity, finding.kind, finding.slug, finding.code) == ("notice", "route", "page", "open-unlimited")
    more = RouteLoad("more", ("GET",), ("main",), False, {"payment": 1})
    assert [each.slug for each in found(routes=(open_page, more), plans=())] == ["more", "page"]
    assert said(routes=(open_page,), plans=(), throttles=(throttle("all", "account", 100),)) == []
    for plan_ in ({**GOLD, "mode": "count"}, {**GOLD, "rate": None, "burst": None}):
        assert [(kind, code) for kind, code, _ in said(plans=(plan_,))] == [("plan", "plan-unlimited")]


def test_a_quota_that_the_rate_never_reaches() -> None:
    quota = {"limit": 100_000, "period": "DAY", "time_zone": "UTC", "offset_h": 0}
    slow = {**GOLD, "rate": 1, "quota": quota}
    assert said(plans=(slow,)) == [
        (
            "plan",
            "quota-unreachable",
            "The quota of plan Gold, 100,000 a day, is never reached: 1/s gives at most 90,050.",
        )
    ]
    assert said(plans=({**slow, "quota": {**quota, "limit": 90_050}},)) == []
    assert said(plans=({**slow, "overrides": [override(1, "page")]},)) == []


def test_a_burst_above_what_a_target_takes_at_once() -> None:
    payment = TargetTerms("payment", (), 64)
    (finding,) = found(targets=(payment,))
    assert (finding.kind, finding.slug, finding.code) == ("plan", "gold", "burst-above-concurrency")
    assert finding.sentence == (
        "Burst 50 x 3 calls = 150 of plan Gold is more than payment takes at once: 64. Calls above that are refused."
    )
    (finding,) = found(targets=(payment,), front_doors=2)
    assert "payment takes at once: 64 x 2 front doors = 128." in finding.sentence
    assert found(targets=(payment,), front_doors=3) == []
    # A shared limit with a smaller burst lets no more through at once.
    assert found(targets=(payment,), throttles=(throttle("all", "account", 100, burst=20),)) == []


def test_routes_and_plans_that_miss_each_other() -> None:
    assert said(plans=({**GOLD, "stages": []},)) == [
        ("plan", "plan-without-stages", "Plan Gold has no stage: its keys open nothing."),
        (
            "route",
            "no-plan-in-stage",
            "Route page needs a key, and no plan opens stage main: nobody can call it there.",
        ),
    ]
    assert said(plans=({**GOLD, "stages": ["beta", "main"]},), routes=()) == [
        ("plan", "plan-unmetered", "No route of stages beta, main needs a key: plan Gold limits nothing."),
    ]


def test_throttles_and_overrides_that_no_request_meets() -> None:
    slow = {**GOLD, "rate": 1, "burst": 1}
    gold = {**slow, "overrides": [override(2, None, "POST"), override(3, "page"), override(4, None, "GET")]}
    throttles = (
        throttle("posts", "method", 5, method="POST"),
        throttle("gets", "method", 5, method="GET"),
        throttle("pages", "route", 5, route="page"),
    )
    assert said(plans=(gold,), throttles=throttles) == [
        (
            "plan",
            "override-unmet",
            "No request meets override GET of plan Gold: replaced by override page of plan Gold everywhere.",
        ),
        (
            "plan",
            "override-unmet",
            "No request meets override POST of plan Gold: no enabled route of its stages that needs a key takes such "
            "requests.",
        ),
        (
            "throttle",
            "throttle-unmet",
            "No request meets throttle pages: replaced by throttle gets everywhere.",
        ),
        (
            "throttle",
            "throttle-unmet",
            "No request meets throttle posts: no enabled route takes such requests.",
        ),
    ]


def test_lifetimes_that_aws_could_not_take_over_are_named() -> None:
    page = RouteLoad("page", ("GET",), ("main",), False, {}, kept_s=7200)
    cached = stage("main", title="Main", cache={"ttl_s": 3601})
    assert said(routes=(page,), stages=(cached,), plans=(), targets=()) == [
        (
            "route",
            "kept-longer-than-aws",
            "Route page keeps answers for 7,200 s. That works here; API Gateway keeps them for 3,600 s at most.",
        ),
        (
            "stage",
            "kept-longer-than-aws",
            "Stage main keeps answers for 3,601 s. That works here; API Gateway keeps them for 3,600 s at most.",
        ),
    ]
    assert said(routes=(RouteLoad("page", ("GET",), ("main",), False, {}, kept_s=3600),), plans=(), targets=()) == []
