"""Targets are registered, changed and removed by operations that refuse what could never work and name the field."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from breakers.core.settings import parse_target, problems
from breakers.documents import checking, rows
from breakers.documents.defaults import complete
from breakers.models import Contract, Target
from breakers.operations import journeys, targets
from controlplane.audit.models import AuditEntry
from controlplane.config.models import ConfigHead
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, Invalid, NotFound
from tests.breakers.documents_of_targets import targets as any_target

pytestmark = pytest.mark.django_db
BASE = {"base_url": "http://127.0.0.1:9001"}


def policy(type: str, **figures: Any) -> dict[str, Any]:
    return {"breaker": {"policies": [{"type": type, **figures}]}}


# What is refused: a change to BASE, and (path, code) of every problem that it must name.
REFUSED: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"base_url": "catalog.internal/v1"}, {("base_url", "scheme")}),
    ({"base_url": "ftp://127.0.0.1"}, {("base_url", "scheme")}),
    ({"base_url": "http://ada:secret@127.0.0.1"}, {("base_url", "credentials")}),
    ({"base_url": "http://127.0.0.1/?a=1"}, {("base_url", "query")}),
    ({"base_url": "http://127.0.0.1/#top"}, {("base_url", "fragment")}),
    ({"base_url": "http:///v1"}, {("base_url", "host")}),
    ({"base_url": "http://169.254.169.254"}, {("base_url", "address_refused")}),
    ({"base_url": "http://2852039166/"}, {("base_url", "address_refused")}),
    ({"base_url": "http://[fe80::1]/"}, {("base_url", "address_refused")}),
    ({"base_url": "http://[fd00:ec2::254]/"}, {("base_url", "address_refused")}),
    ({"base_url": "http://Metadata.Google.Internal./"}, {("base_url", "address_refused")}),
    ({"runbook_url": "javascript:alert(1)"}, {("runbook_url", "scheme")}),
    ({"colour": "red"}, {("colour", "unknown_field")}),
    ({"breaker": {"colour": "red"}}, {("breaker.colour", "unknown_field")}),
    ({"timeout_ms": "2000"}, {("timeout_ms", "invalid")}),
    ({"timeout_ms": True}, {("timeout_ms", "invalid")}),
    ({"timeout_ms": 0, "max_concurrency": 0}, {("timeout_ms", "min_value"), ("max_concurrency", "min_value")}),
    ({"follow_redirects": "yes"}, {("follow_redirects", "invalid")}),
    ({"kind": "mainframe"}, {("kind", "invalid_choice")}),
    ({"tags": ["a,b"]}, {("tags[0]", "invalid")}),
    ({"slug": "other"}, {("slug", "mismatch")}),
    ({"breaker": {"policies": []}}, {("breaker.policies", "never_opens")}),
    (policy("leaky_bucket"), {("breaker.policies[0].type", "invalid_choice")}),
    (policy("failure_rate", threshold=3), {("breaker.policies[0].threshold", "unknown_field")}),
    (policy("failure_rate", failure_rate_threshold=0), {("breaker.policies[0].failure_rate_threshold", "min_value")}),
    (policy("failure_rate", failure_rate_threshold=101), {("breaker.policies[0].failure_rate_threshold", "max_value")}),
    (
        policy("failure_rate", sliding_window_type="COUNT_BASED", sliding_window_size=10, minimum_number_of_calls=20),
        {("breaker.policies[0].minimum_number_of_calls", "unreachable")},
    ),
    (
        policy("slow_call_rate", slow_call_duration_threshold_ms=2500),
        {("breaker.policies[0].slow_call_duration_threshold_ms", "unreachable")},
    ),
    (
        {"breaker": {"wait_duration_in_open_state_s": 60, "max_wait_duration_in_open_state_s": 30}},
        {("breaker.max_wait_duration_in_open_state_s", "below_wait")},
    ),
    ({"breaker": {"wait_backoff_multiplier": 0.5}}, {("breaker.wait_backoff_multiplier", "min_value")}),
    (
        {"breaker": {"permitted_number_of_calls_in_half_open_state": 3, "success_threshold": 5}},
        {("breaker.success_threshold", "unreachable")},
    ),
    ({"breaker": {"half_open_by": "probe"}}, {("breaker.half_open_by", "no_probe")}),
    ({"probe": {"count": 2}, "breaker": {"success_threshold": 3}}, {("probe.count", "unreachable")}),
    (
        {
            "probe": {"count": 3, "timeout_ms": 20_000},
            "breaker": {"max_wait_duration_in_half_open_state_s": 30},
        },
        {("probe.timeout_ms", "unreachable")},
    ),
    ({"probe": {"path": "health"}}, {("probe.path", "invalid")}),
    ({"probe": {"expect_status": "7xx"}}, {("probe.expect_status", "invalid")}),
    ({"classification": [{"match": "5yx", "outcome": "failure"}]}, {("classification[0].match", "invalid")}),
    ({"classification": [{"match": "5xx"}]}, {("classification[0].outcome", "required")}),
    ({"contracts": [{"limit": 0}]}, {("contracts[0].limit", "min_value"), ("contracts[0].period_s", "required")}),
    ({"cache": {"vary_headers": ["Accept Language"]}}, {("cache.vary_headers[0]", "invalid")}),
    ({"fallback": {"static": {"status": 99, "body": ""}}}, {("fallback.static.status", "invalid")}),
    ({"fallback": {"static": {"body": "", "headers": {}}}}, {("fallback.static.headers", "unknown_field")}),
]


@pytest.mark.parametrize(
    ("change", "expected"), REFUSED, ids=lambda value: str(sorted(value) if isinstance(value, set) else value)[:70]
)
def test_what_could_never_work_is_refused_with_its_path(
    root: Principal, change: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    with pytest.raises(Invalid) as refused:
        targets.put("catalog", {**BASE, **change}, by=root)
    assert {(problem.path, problem.code) for problem in refused.value.problems} == expected
    assert not Target.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("slug", ["Catalog", "-catalog", "catalog_", "a" * 64, "", "café"])
def test_a_slug_is_lower_case_letters_digits_and_hyphens(root: Principal, slug: str) -> None:
    with pytest.raises(Invalid) as refused:
        targets.put(slug, BASE, by=root)
    assert [problem.path for problem in refused.value.problems] == ["slug"]


@pytest.mark.parametrize("document", [None, [], "catalog", {}])
def test_a_target_needs_a_base_url(root: Principal, document: Any) -> None:
    with pytest.raises(Invalid):
        targets.put("catalog", document, by=root)


HALVES = (
    "permitted_number_of_calls_in_half_open_state",
    "success_threshold",
    "max_wait_duration_in_half_open_state_s",
    "half_open_by",
)
# Stated -> permitted calls, success threshold, verdict within, half open by, probe count, probe timeout.
ADAPTED: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({}, (3, 3, 30, "traffic", None, None)),
    ({"probe": {}}, (3, 3, 30, "probe", 3, 1000)),
    ({"probe": {"count": 5}}, (5, 5, 30, "probe", 5, 1000)),
    ({"probe": {"count": 1}}, (1, 1, 30, "probe", 1, 1000)),
    ({"breaker": {"success_threshold": 5}}, (5, 5, 30, "traffic", None, None)),
    ({"breaker": {"success_threshold": 2}, "probe": {}}, (2, 2, 30, "probe", 2, 1000)),
    ({"breaker": {HALVES[0]: 2}, "probe": {}}, (2, 2, 30, "probe", 2, 1000)),
    ({"breaker": {HALVES[0]: 10}, "probe": {"count": 4}}, (10, 4, 30, "probe", 4, 1000)),
    ({"breaker": {"half_open_by": "traffic"}, "probe": {"count": 9}}, (3, 3, 30, "traffic", 9, 1000)),
    ({"probe": {"count": 10, "timeout_ms": 5000}}, (10, 10, 50, "probe", 10, 5000)),
    ({"breaker": {HALVES[2]: 1}, "probe": {"count": 4}}, (4, 4, 1, "probe", 4, 250)),
]


@pytest.mark.parametrize(("stated", "expected"), ADAPTED, ids=str)
def test_defaults_step_aside_for_what_was_stated(root: Principal, stated: dict[str, Any], expected: Any) -> None:
    document = rows.document(targets.put("catalog", {**BASE, **stated}, by=root)[0])
    probe = document["probe"] or {}
    assert (*(document["breaker"][name] for name in HALVES), probe.get("count"), probe.get("timeout_ms")) == expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, (20, "TIME_BASED", 30)),
        ({"sliding_window_type": "COUNT_BASED", "sliding_window_size": 10}, (10, "COUNT_BASED", 10)),
        ({"sliding_window_type": "COUNT_BASED", "minimum_number_of_calls": 100}, (100, "COUNT_BASED", 100)),
        ({"minimum_number_of_calls": 100}, (100, "TIME_BASED", 30)),
    ],
    ids=str,
)
def test_a_window_of_calls_holds_the_calls_that_its_policy_needs(
    root: Principal, figures: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    document = rows.document(targets.put("catalog", {**BASE, **policy("failure_rate", **figures)}, by=root)[0])
    (kept,) = document["breaker"]["policies"]
    names = ("minimum_number_of_calls", "sliding_window_type", "sliding_window_size")
    assert tuple(kept[name] for name in names) == expected


def test_slow_begins_no_later_than_the_timeout(root: Principal) -> None:
    row, _ = targets.put("catalog", {**BASE, "timeout_ms": 300, **policy("slow_call_rate")}, by=root)
    assert rows.document(row)["breaker"]["policies"][0]["slow_call_duration_threshold_ms"] == 300


def test_the_longest_wait_is_never_shorter_than_the_wait(root: Principal) -> None:
    row, _ = targets.put("catalog", {**BASE, "breaker": {"wait_duration_in_open_state_s": 900}}, by=root)
    assert rows.document(row)["breaker"]["max_wait_duration_in_open_state_s"] == 900


def test_an_observing_breaker_may_have_no_policy(root: Principal) -> None:
    row, _ = targets.put("catalog", {**BASE, "breaker": {"mode": "observe", "policies": []}}, by=root)
    assert rows.document(row)["breaker"]["policies"] == []


@given(stated=any_target())
@settings(max_examples=150, deadline=None)
def test_whatever_is_stated_in_reason_is_accepted(stated: dict[str, Any]) -> None:
    document = complete(checking.target("catalog", stated))
    assert problems(parse_target(document)) == []
    assert complete(checking.target("catalog", document)) == document


@given(stated=any_target())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_document_survives_the_way_through_the_rows(root: Principal, stated: dict[str, Any]) -> None:
    expected = complete(checking.target("catalog", stated))
    row, _ = targets.put("catalog", stated, by=root)
    assert rows.document(row) == expected
    again, created = targets.put("catalog", rows.document(row), by=root)
    assert (rows.document(again), created) == (expected, False)


def test_a_patch_merges_blocks_and_replaces_lists(root: Principal) -> None:
    targets.put("catalog", {**BASE, "tags": ["a"], "cache": {"ttl_s": 60}, "probe": {"path": "/up"}}, by=root)
    row = targets.patch("catalog", {"tags": ["b"], "cache": {"write_through": False}, "probe": {"count": 4}}, by=root)
    document = rows.document(row)
    assert document["tags"] == ["b"]
    assert (document["cache"]["ttl_s"], document["cache"]["write_through"]) == (60, False)
    assert (document["probe"]["path"], document["probe"]["count"]) == ("/up", 4)


def test_a_patch_adds_a_probe_and_recovery_follows_it(root: Principal, catalog: Target) -> None:
    assert rows.document(catalog)["breaker"]["half_open_by"] == "traffic"
    assert rows.document(targets.patch("catalog", {"probe": {}}, by=root))["breaker"]["half_open_by"] == "probe"
    assert rows.document(targets.patch("catalog", {"probe": None}, by=root))["breaker"]["half_open_by"] == "traffic"


def test_null_in_a_patch_goes_back_to_the_default(root: Principal) -> None:
    targets.put("catalog", {**BASE, "breaker": {"success_threshold": 2, "mode": "observe"}}, by=root)
    document = rows.document(targets.patch("catalog", {"breaker": {"success_threshold": None, "mode": None}}, by=root))
    assert (document["breaker"]["success_threshold"], document["breaker"]["mode"]) == (3, "enforce")


def test_a_contract_keeps_its_ledger_when_its_figures_change(root: Principal) -> None:
    def contracts(*limits: int) -> list[int]:
        made = [{"limit": limit, "period_s": 1} for limit in limits]
        targets.put("catalog", {**BASE, "contracts": made}, by=root)
        return list(Contract.objects.values_list("pk", flat=True))

    first, second = contracts(10, 20)
    assert contracts(20, 10) == [second, first]  # the same contracts in another order
    assert contracts(20, 15) == [second, first]  # a changed figure
    assert contracts(20) == [second]
    (kept, new) = contracts(20, 15)
    assert kept == second
    assert new not in (first, second)


def test_a_target_in_use_is_not_deleted_and_the_refusal_says_by_what(root: Principal, catalog: Target) -> None:
    journeys.put("reading", {"targets": ["catalog"]}, by=root)
    with pytest.raises(Conflict, match="journey reading"):
        targets.delete("catalog", by=root)
    journeys.delete("reading", by=root)
    targets.delete("catalog", by=root)
    assert not Target.objects.exists()


def test_what_is_not_there_cannot_be_changed(root: Principal) -> None:
    for act in (lambda: targets.patch("catalog", {}, by=root), lambda: targets.delete("catalog", by=root)):
        with pytest.raises(NotFound):
            act()


def test_each_act_leaves_one_entry_with_before_and_after(root: Principal) -> None:
    targets.put("catalog", BASE, by=root, reason="first")
    targets.patch("catalog", {"title": "Catalog"}, by=root, reason="named")
    targets.put("catalog", {**BASE, "title": "Catalog"}, by=root, reason="nothing new")
    targets.delete("catalog", by=root, reason="gone")
    entries = AuditEntry.objects.order_by("number")
    assert [(entry.action, entry.reason) for entry in entries] == [
        ("target.put", "first"),
        ("target.patch", "named"),
        ("target.delete", "gone"),
    ]
    assert '"title":""' in entries[1].before_json
    assert '"title":"Catalog"' in entries[1].after_json


def test_each_change_is_a_version_and_none_is_made_for_nothing(root: Principal) -> None:
    targets.put("catalog", BASE, by=root)
    number = ConfigHead.objects.get().number
    targets.put("catalog", BASE, by=root)
    assert ConfigHead.objects.get().number == number
    targets.put("catalog", {**BASE, "timeout_ms": 1}, by=root)
    assert ConfigHead.objects.get().number == number + 1
