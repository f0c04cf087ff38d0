"""Which limits a request is under: against a plain oracle, and in the words that pages show."""

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from breakers.core.limits import Limits
from tests.breakers.documents_of_limits import (
    METHODS,
    PLANS,
    ROUTES,
    STAGES,
    override,
    plan,
    plans,
    stage,
    stages,
    throttle,
    throttles,
)

# More specific scopes count more, then naming the route, then naming the stage.
SCOPES = {"stage": 1, "route": 2, "method": 3}


def oracle(
    stages: list[Any], plans: list[Any], throttles: list[Any], where: str, route: str, method: str, key: str | None
) -> list[tuple[str, str, float, int]]:
    """(level, bucket, rate, burst) of every limit that counts, by trying every rule and ranking those that fit."""

    def fits(rule: Any, **place: str) -> bool:
        return all(rule[name] in (None, value) for name, value in place.items())

    def bucket(level: str, name: str, rule: Any) -> tuple[str, str, float, int]:
        burst = rule["burst"] if rule["burst"] is not None else max(1, math.ceil(rule["rate"]))
        return level, name, rule["rate"], burst

    client, shared, account = [], [], []
    for each in plans:
        if each["slug"] == key:
            if each["rate"] is not None:
                client.append((0, bucket("client", f"plan:{key}", each)))
            for rule in each["overrides"]:
                if fits(rule, route=route, method=method):
                    rank = 2 * (rule["route"] is not None) + (rule["method"] is not None)
                    name = f"plan:{key}/{rule['route'] or ''}/{rule['method'] or ''}"
                    client.append((rank, bucket("client", name, rule)))
    for each in stages:
        if each["slug"] == where and each["rate"] is not None:
            shared.append(((0,), bucket("stage", f"stage:{where}", each)))
    for each in throttles:
        name = f"throttle:{each['slug']}"
        if each["scope"] == "account":
            account.append((0, bucket("account", name, each)))
        elif fits(each, stage=where, route=route, method=method):
            rank = (SCOPES[each["scope"]], each["route"] is not None, each["stage"] is not None)
            shared.append((rank, bucket("stage", name, each)))
    return [max(level)[1] for level in (client, shared, account) if level]


@settings(max_examples=300, deadline=None)
@given(
    stages(),
    plans(),
    throttles(),
    st.sampled_from(STAGES),
    st.sampled_from(ROUTES),
    st.sampled_from(METHODS),
    st.none() | st.sampled_from(PLANS),
)
def test_the_resolver_agrees_with_a_plain_oracle_on_any_mix_of_scopes(
    stages: list[Any], plans: list[Any], throttles: list[Any], where: str, route: str, method: str, key: str | None
) -> None:
    limits = Limits(stages, plans, throttles)
    found = limits.effective(where, route, method, key)
    told = [(limit.level, limit.bucket, limit.rate, limit.burst) for limit in found]
    assert told == oracle(stages, plans, throttles, where, route, method, key)
    explained = limits.explain(where, route, method, key)
    assert tuple(each.limit for each in explained if each.wins) == found
    assert [each.wins for each in explained] == sorted((each.wins for each in explained), reverse=True)


GOLD = plan(
    "gold",
    title="Gold",
    rate=100,
    burst=200,
    overrides=[override(5, "article-page", "POST", 10), override(20, "article-page"), override(50, None, "POST")],
)


def said(limits: Limits, *place: Any) -> list[str]:
    return [each.why for each in limits.explain(*place)]


def test_the_winning_rule_comes_first_and_says_what_it_replaces() -> None:
    limits = Limits(
        [stage("main", title="Main", rate=500)],
        [GOLD],
        [throttle("all", "account", 1000), throttle("pages", "route", 30.5, route="article-page")],
    )
    assert said(limits, "main", "article-page", "POST", "gold") == [
        "override POST article-page of plan Gold: 5/s, burst 10"
        " - replaces the 20/s of override article-page of plan Gold",
        "throttle pages: 30.5/s, burst 31 - replaces the 500/s of stage Main",
        "throttle all: 1,000/s, burst 1,000",
        "override article-page of plan Gold: 20/s, burst 20 - replaced by override POST article-page of plan Gold",
        "override POST of plan Gold: 50/s, burst 50 - replaced by override POST article-page of plan Gold",
        "plan Gold: 100/s, burst 200 - replaced by override POST article-page of plan Gold",
        "stage Main: 500/s, burst 500 - replaced by throttle pages",
    ]
    assert said(limits, "main", "search", "POST", "gold")[0] == (
        "override POST of plan Gold: 50/s, burst 50 - replaces the plan's 100/s"
    )


def test_a_plan_that_only_counts_says_so() -> None:
    limits = Limits([], [plan("free", rate=0.5, mode="count")], [])
    assert said(limits, "main", "search", "GET", "free") == ["plan free: 0.5/s, burst 1 (counted only, refuses nobody)"]


def test_a_clients_bucket_is_one_per_consumer_and_the_others_are_shared() -> None:
    limits = Limits([stage("main", rate=10)], [GOLD], [])
    client, shared = limits.effective("main", "article-page", "POST", "gold")
    assert client.bucket_for("acme") == "plan:gold/article-page/POST@acme"
    assert client.source == "plan:gold override POST article-page"
    assert (shared.bucket_for("acme"), shared.source) == ("stage:main", "stage:main")


def test_without_rules_there_are_no_limits() -> None:
    limits = Limits([stage("main")], [plan("free")], [])
    assert limits.effective("main", "search", "GET", "free") == ()
    assert limits.effective("elsewhere", None, "GET", "unknown") == ()
    assert limits.explain("main", "search", "GET", None) == []
