"""EventBridge patterns match as EventBridge documents it, and an unusable one says where and why."""

from typing import Any

import pytest

from compositions.patterns import matches, problems

EVENT: dict[str, Any] = {
    "plan": "premium",
    "amount": 12.5,
    "trial": False,
    "coupon": None,
    "ip": "10.0.0.7",
    "tags": ["news", "sport"],
    "empty": [],
    "customer": {"country": "DE", "email": "ann@example.com"},
    "items": [{"sku": "a"}, {"sku": "b"}],
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"plan": ["premium", "basic"]}, True),
        ({"plan": ["basic"]}, False),
        ({"plan": ["premium"], "amount": [1]}, False),
        ({"amount": [12.5]}, True),
        ({"trial": [False]}, True),
        ({"trial": [0]}, False),
        ({"coupon": [None]}, True),
        ({"tags": ["sport"]}, True),
        ({"customer": {"country": ["DE"]}}, True),
        ({"items": {"sku": ["b"]}}, True),
        ({"plan": [{"prefix": "prem"}]}, True),
        ({"plan": [{"prefix": {"equals-ignore-case": "PREM"}}]}, True),
        ({"plan": [{"suffix": "ium"}]}, True),
        ({"plan": [{"equals-ignore-case": "PREMIUM"}]}, True),
        ({"plan": [{"anything-but": "basic"}]}, True),
        ({"plan": [{"anything-but": ["basic", "premium"]}]}, False),
        ({"plan": [{"anything-but": {"prefix": "prem"}}]}, False),
        ({"missing": [{"anything-but": "x"}]}, False),
        ({"amount": [{"numeric": [">", 0, "<=", 12.5]}]}, True),
        ({"amount": [{"numeric": ["=", 12]}]}, False),
        ({"plan": [{"numeric": [">", 0]}]}, False),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"plan": [{"cidr": "10.0.0.0/24"}]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"customer": {"phone": [{"exists": False}]}}, True),
        ({"nobody": {"phone": [{"exists": False}]}}, True),
        ({"plan": [{"exists": False}]}, False),
        ({"customer": {"email": [{"wildcard": "*@example.*"}]}}, True),
        ({"customer": {"email": [{"wildcard": "*a*@*a*a*"}]}}, False),
        ({"$or": [{"plan": ["basic"]}, {"amount": [{"numeric": [">", 10]}]}]}, True),
        ({"plan": ["premium"], "$or": [{"trial": [True]}, {"amount": [1]}]}, False),
    ],
)
def test_matches(pattern: dict[str, Any], expected: bool) -> None:
    assert list(problems(pattern)) == []
    assert matches(pattern, EVENT) is expected


def test_a_literal_star_is_written_with_a_backslash() -> None:
    assert matches({"name": [{"wildcard": r"a\*b*"}]}, {"name": "a*bc"})
    assert not matches({"name": [{"wildcard": r"a\*b*"}]}, {"name": "axbc"})


@pytest.mark.parametrize("event", [[1], "text", None, 5])
def test_only_objects_match(event: Any) -> None:
    assert not matches({"plan": [{"exists": False}]}, event)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ({}, ""),
        ([], ""),
        ({"plan": "premium"}, "plan"),
        ({"plan": []}, "plan"),
        ({"customer": {"country": "DE"}}, "customer.country"),
        ({"plan": [{"like": "x"}]}, "plan[0]"),
        ({"plan": ["a", {"prefix": 5}]}, "plan[1].prefix"),
        ({"amount": [{"numeric": [">"]}]}, "amount[0].numeric"),
        ({"amount": [{"numeric": ["~", 5]}]}, "amount[0].numeric"),
        ({"ip": [{"cidr": "10.0.0.300/8"}]}, "ip[0].cidr"),
        ({"plan": [{"exists": "no"}]}, "plan[0].exists"),
        ({"plan": [{"anything-but": {"numeric": [">", 1]}}]}, "plan[0].anything-but"),
        ({"$or": [{"plan": ["x"]}]}, "$or"),
        ({"$or": [{"plan": ["x"]}, {"plan": "y"}]}, "$or[1].plan"),
    ],
)
def test_an_unusable_pattern_says_where(pattern: Any, path: str) -> None:
    found = list(problems(pattern))
    assert [problem.path for problem in found] == [path]
    assert found[0].message.endswith((".", "}"))
