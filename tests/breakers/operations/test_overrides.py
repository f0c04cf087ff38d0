"""An order over a circuit has a reason and an end, can be undone, and is given by one operator at a time."""

from datetime import timedelta
from typing import Any

import pytest

from breakers.models import Override, Target
from breakers.operations import overrides
from controlplane.audit.models import AuditEntry
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, Forbidden, Invalid, NotFound

BOB = Principal.system("bob")


def standing() -> str | None:
    row = Override.objects.first()
    return row.state if row else None


def test_an_order_ends_after_fifteen_minutes_unless_told(catalog: Target, ada: Principal) -> None:
    row = overrides.put("catalog", state="FORCED_OPEN", reason="provider is down", by=ada)
    assert row.expires_at is not None
    assert row.expires_at - row.since == timedelta(seconds=900)
    assert (row.by, row.reason, standing()) == ("ada", "provider is down", "FORCED_OPEN")


def test_only_an_admin_orders_without_end(catalog: Target, ada: Principal, root: Principal) -> None:
    with pytest.raises(Forbidden):
        overrides.put("catalog", state="DISABLED", reason="drill", expires_in_s=None, by=ada)
    assert overrides.put("catalog", state="DISABLED", reason="drill", expires_in_s=None, by=root).expires_at is None


@pytest.mark.parametrize(
    ("order", "path"),
    [
        ({"state": "OPEN"}, "state"),
        ({"state": "METRICS_ONLY"}, "state"),
        ({"reason": ""}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"expires_in_s": 0}, "expires_in_s"),
        ({"expires_in_s": 604_801}, "expires_in_s"),
        ({"expires_in_s": "900"}, "expires_in_s"),
    ],
    ids=str,
)
def test_a_malformed_order_is_refused(catalog: Target, ada: Principal, order: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        overrides.put("catalog", **{"state": "FORCED_OPEN", "reason": "drill", **order}, by=ada)
    assert [problem.path for problem in refused.value.problems] == [path]
    assert standing() is None


def test_of_two_operators_who_saw_the_same_one_wins_and_the_other_is_told(catalog: Target, ada: Principal) -> None:
    overrides.put("catalog", state="FORCED_OPEN", reason="provider is down", by=ada, expected="none")
    with pytest.raises(Conflict, match="ada acted first: FORCED_OPEN, because “provider is down”"):
        overrides.put("catalog", state="FORCED_CLOSED", reason="looks fine", by=BOB, expected="none")
    assert standing() == "FORCED_OPEN"


def test_whoever_saw_the_present_order_may_replace_it(catalog: Target, ada: Principal) -> None:
    first = overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    second = overrides.put("catalog", state="DISABLED", reason="drill", by=BOB, expected=first.revision)
    with pytest.raises(Conflict):
        overrides.clear("catalog", reason="over", by=ada, expected=str(first.revision))
    overrides.clear("catalog", reason="over", by=ada, expected=str(second.revision))
    assert standing() is None


def test_a_new_order_never_has_the_number_of_an_old_one(catalog: Target, ada: Principal) -> None:
    first = overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    overrides.clear("catalog", reason="up", by=ada)
    assert overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada).revision > first.revision


def test_lifting_needs_a_reason_and_an_order(catalog: Target, ada: Principal) -> None:
    with pytest.raises(NotFound):
        overrides.clear("catalog", reason="up", by=ada)
    overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    with pytest.raises(Invalid):
        overrides.clear("catalog", reason=" ", by=ada)


def test_undo_brings_back_the_order_that_was_replaced(catalog: Target, ada: Principal) -> None:
    first = overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada, expires_in_s=3600)
    second = overrides.put("catalog", state="FORCED_CLOSED", reason="oops", by=BOB)
    restored = overrides.undo("catalog", expected=second.revision, by=BOB)
    assert restored is not None
    assert (restored.state, restored.by, restored.since, restored.expires_at) == (
        "FORCED_OPEN",
        "ada",
        first.since,
        first.expires_at,
    )
    assert restored.revision > second.revision


def test_undo_of_a_first_order_makes_the_circuit_automatic(catalog: Target, ada: Principal) -> None:
    row = overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    assert overrides.undo("catalog", expected=row.revision, by=ada) is None
    assert standing() is None


def test_undo_does_not_bring_back_what_has_expired_meanwhile(catalog: Target, ada: Principal) -> None:
    overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    row = overrides.put("catalog", state="DISABLED", reason="drill", by=ada)
    Override.objects.update(previous_expires_at=clock.now() - timedelta(seconds=1))
    assert overrides.undo("catalog", expected=row.revision, by=ada) is None


def test_undo_works_only_while_the_order_lives(catalog: Target, ada: Principal) -> None:
    row = overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    Override.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    with pytest.raises(Conflict):
        overrides.undo("catalog", expected=row.revision, by=ada)


def test_an_expired_order_counts_as_none_before_it_is_tidied(catalog: Target, ada: Principal) -> None:
    overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    Override.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    row = overrides.put("catalog", state="DISABLED", reason="drill", by=BOB, expected="none")
    assert row.previous_state == ""


def test_what_has_expired_is_tidied_once_and_audited_as_the_systems_act(catalog: Target, ada: Principal) -> None:
    overrides.put("catalog", state="FORCED_OPEN", reason="down", by=ada)
    assert overrides.expire() == []
    later = clock.now() + timedelta(seconds=901)
    assert overrides.expire(later) == ["catalog"]
    assert overrides.expire(later) == []
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.action, entry.subject, entry.by_kind) == ("override.expire", "target:catalog", "system")
    assert standing() is None


def test_no_order_is_given_over_what_is_not_registered(ada: Principal) -> None:
    with pytest.raises(NotFound):
        overrides.put("nothing", state="FORCED_OPEN", reason="down", by=ada)
