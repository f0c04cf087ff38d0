"""A request rule is kept as it was stated, refused with every fault named, and reaches the configuration document."""

from typing import Any

import pytest

from breakers import compiling
from breakers.documents.rules import complete, document
from breakers.models import RequestRule
from breakers.operations import rules
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Invalid, NotFound

pytestmark = pytest.mark.django_db

FLOOD = {
    "title": "Flood of searches",
    "priority": 20,
    "stage": "main",
    "statement": {"all": [{"path": {"starts": "/search"}}, {"not": {"ip": ["10.0.0.0/8"]}}]},
    "label": "flood",
    "rate": {"limit": 300, "window_s": 120, "keys": ["forwarded_ip", "header:X-Tenant"]},
    "action": "block",
    "answer": {"status": 429, "body": " Slow down.\n", "content_type": "text/plain"},
}


def test_a_rule_is_kept_as_it_was_stated(root: Principal) -> None:
    row, created = rules.put("flood", FLOOD, by=root)
    assert created
    assert document(row) == {"slug": "flood", "enabled": True, **FLOOD}
    again, created = rules.put("flood", document(row), by=root)
    assert not created
    assert document(again) == document(row) == complete("flood", FLOOD)


def test_what_is_left_out_has_a_harmless_default(root: Principal) -> None:
    row, _ = rules.put("plain", {}, by=root)
    assert document(row) == complete("plain", {})
    assert (row.action, row.statement, row.priority, document(row)["rate"]) == ("count", {}, 100, None)
    row, _ = rules.put("plain", {"rate": {"limit": 1}, "action": "block"}, by=root)
    assert document(row)["rate"] == {"limit": 1, "window_s": 300, "keys": ["forwarded_ip"]}


def test_a_patch_changes_one_field_and_keeps_the_rest(root: Principal) -> None:
    rules.put("flood", FLOOD, by=root)
    row = rules.patch("flood", {"action": "count", "rate": {"limit": 500}, "answer": None}, by=root, reason="Watch.")
    assert document(row) == {
        "slug": "flood",
        "enabled": True,
        **FLOOD,
        "action": "count",
        "rate": {**FLOOD["rate"], "limit": 500},  # type: ignore[dict-item]
        "answer": None,
    }
    entry = AuditEntry.objects.about("rule:flood").first()
    assert (entry.action, entry.reason) == ("rule.patch", "Watch.")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"action": "refuse"}, "action"),
        ({"answer": {"content_type": "text"}}, "answer.content_type"),
        ({"answer": {"status": 200}}, "answer.status"),
        ({"color": "red"}, "color"),
        ({"label": "a b"}, "label"),
        ({"priority": -1}, "priority"),
        ({"rate": {"limit": 0}}, "rate.limit"),
        ({"rate": {"limit": 5, "keys": ["ip", "ip"]}}, "rate.keys"),
        ({"rate": {"limit": 5, "keys": ["country"]}}, "rate.keys[0]"),
        ({"rate": {"limit": 5, "keys": ["header:a b"]}}, "rate.keys[0]"),
        ({"rate": {"limit": 5, "window_s": 90}}, "rate.window_s"),
        ({"stage": "nowhere"}, "stage"),
        ({"statement": None}, "statement"),
        ({"statement": []}, "statement"),
        ({"statement": {"any": [{"ip": ["x"]}]}}, "statement.any[0].ip[0]"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_its_place(
    root: Principal, change: dict[str, Any], path: str
) -> None:
    with pytest.raises(Invalid) as refused:
        rules.put("flood", FLOOD | change, by=root)
    assert path in [problem.path for problem in refused.value.problems]
    assert not RequestRule.objects.exists()


def test_nothing_is_held_back_by_leaving_the_statement_out(root: Principal) -> None:
    with pytest.raises(Invalid) as refused:
        rules.put("all", {"action": "block"}, by=root)
    assert [problem.path for problem in refused.value.problems] == ["statement"]
    rules.put("all", {"action": "block", "statement": {}}, by=root)


def test_a_rule_travels_in_a_piece_of_its_own_and_goes_when_it_is_deleted(root: Principal) -> None:
    row, _ = rules.put("flood", FLOOD, by=root)
    assert {p.slug: p.body for p in compiling.pieces() if p.kind == "rule"} == {"flood": document(row)}
    rules.delete("flood", by=root, reason="Over.")
    assert [piece for piece in compiling.pieces() if piece.kind == "rule"] == []
    with pytest.raises(NotFound):
        rules.delete("flood", by=root)
