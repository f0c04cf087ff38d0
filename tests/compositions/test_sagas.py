"""What undoing costs is told to monitoring, and executions that ended long ago are forgotten."""

from datetime import timedelta
from typing import Any

import pytest

from compositions import sagas
from compositions.models import Execution, JournalEntry, TaskToken
from controlplane.kernel import clock

pytestmark = pytest.mark.django_db


def row(id: str, **fields: Any) -> None:
    Execution.objects.create(
        **{"id": id, "composition": "order", "version": 1, "input": "{}", "started_at": clock.now(), **fields}
    )


def samples(name: str) -> dict[tuple[str, ...], float]:
    family = next(family for family in sagas.families() if family.name == name)
    return {tuple(sample.labels.values()): sample.value for sample in family.samples}


def test_calls_done_and_undone_of_the_last_hour_are_summed() -> None:
    now = clock.now()
    row("a", status="DEAD", ended_at=now, calls_done=4, calls_undone=2)
    row("b", status="SUCCEEDED", ended_at=now, calls_done=4)
    row("c", status="SUCCEEDED", ended_at=now - timedelta(hours=2), calls_done=4)
    assert samples("switchgear_saga_calls") == {("order", "done"): 8, ("order", "undone"): 2}


def test_what_ended_long_ago_is_forgotten_whole(settings: Any) -> None:
    settings.EXECUTIONS_KEPT_DAYS = 30
    long_ago = clock.now() - timedelta(days=31)
    row("old", status="SUCCEEDED", ended_at=long_ago)
    row("failed", status="COMPENSATION_FAILED", ended_at=long_ago)
    row("new", status="SUCCEEDED", ended_at=clock.now())
    row("running")
    for id in ("old", "new"):
        JournalEntry.objects.create(execution=id, number=1, at=long_ago, told="[]")
        TaskToken.objects.create(token=id, execution=id, place="[]", state="Ask", created_at=long_ago)
    assert sagas.prune() == 1
    assert sorted(Execution.objects.values_list("pk", flat=True)) == ["failed", "new", "running"]
    assert list(JournalEntry.objects.values_list("execution", flat=True)) == ["new"]
    assert list(TaskToken.objects.values_list("pk", flat=True)) == ["new"]
