"""The shipped saga, killed at each of its commits on the way to each of its four ends: nobody could tell afterwards."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from compositions.models import Execution, TaskToken
from compositions.operations import tasks

from .conftest import SYSTEM, Sagas

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

DEFINITION = Path("compositions/definitions/premium-onboarding.asl.json").read_text(encoding="utf-8")
SERVICES = ("fraud", "payment", "content", "newsletter", "loyalty", "monolith")
FULL = Counter({"/checks": 1, "/charges": 1, "/entitlements": 1, "/subscriptions": 1, "/members": 1})
PAID = Counter({"/checks": 1, "/charges": 1, "/entitlements": 1})
# What is refused, how it ends, what is called on the way, and what the customer is told of.
ENDS: dict[str, tuple[str, str, str, Counter[str]]] = {
    "full": ("", "SUCCEEDED", "", FULL),
    "partial": ("/subscriptions", "PARTIAL", "", FULL),
    "refunded": ("/entitlements", "FAILED", "Subscription.Refunded", PAID + Counter({"/refunds": 1})),
    "failed": ("/charges", "FAILED", "Subscription.Failed", Counter({"/checks": 1, "/charges": 1})),
}
# Newsletter and loyalty are called side by side.
MOST_IN_FLIGHT = 2


def fill_in_forms() -> None:
    """Whoever looks after the inbox."""
    for token in TaskToken.objects.filter(status="WAITING").values_list("pk", flat=True):
        tasks.complete_task(token, {"newsletter": True, "loyalty": True}, by=SYSTEM)


@pytest.fixture
async def onboarding(sagas: Sagas) -> Sagas:
    for slug in SERVICES:
        await sagas.target(slug)
    await sagas.define(DEFINITION, "onboarding")
    return sagas


@pytest.mark.parametrize("end", ENDS)
async def test_a_crash_at_any_commit_of_the_shipped_saga_changes_nothing_about_its_end(
    onboarding: Sagas, end: str
) -> None:
    refused, *_ = ENDS[end]
    onboarding.downstream.behave("/checks", json={"verdict": "pass"})
    onboarding.downstream.behave("/charges", json={"id": "ch_1"})
    if refused:
        onboarding.downstream.behave(refused, status=402 if refused == "/charges" else 422)
    boundaries = 0
    for when in ("before", "after"):
        crashed, at = True, 0
        while crashed:
            at += 1
            onboarding.downstream.requests.clear()
            id = onboarding.start({"customer": "ann@example.org"}, "onboarding")
            crashed = await onboarding.crash(at, when, fill_in_forms)
            boundaries += crashed
            if crashed:
                heir = await onboarding.engine()
                await onboarding.until(all_have_ended)
                await heir.close()
            check(onboarding, end, Execution.objects.get(pk=id), (when, at))
    assert boundaries >= 2 * 4


def all_have_ended() -> bool:
    fill_in_forms()
    return not Execution.objects.filter(status="RUNNING").exists()


def check(sagas: Sagas, end: str, row: Execution, moment: tuple[str, int]) -> None:
    _, status, error, called = ENDS[end]
    assert (row.status, row.error) == (status, error), (moment, row.cause)
    expected = called + Counter({"/notifications": 1})
    times = Counter(sagas.paths())
    assert times.keys() == expected.keys(), moment
    assert sum((times - expected).values()) <= MOST_IN_FLIGHT, (moment, times)
    for path in times:
        keys = {request.headers["idempotency-key"] for request in sagas.calls(path)}
        assert len(keys) == 1, (moment, path)
    told: list[Any] = [request.json()["outcome"] for request in sagas.calls("/notifications")]
    assert set(told) == {end}, moment
    assert TaskToken.objects.filter(execution=row.pk).count() == (end == "partial"), moment
