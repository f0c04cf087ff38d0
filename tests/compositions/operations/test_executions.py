"""Executions are started once, stopped where they stand, and redriven after a failure."""

import pytest

from compositions.models import Execution, JournalEntry, TaskToken
from compositions.models.executions import TaskStatus
from compositions.operations import compositions, executions, tasks
from controlplane.audit.models import AuditEntry
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, Invalid, NotFound

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system("test")
ANNA = Principal("anna", "user", 1)
ORDER = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 5, "End": True}}}


@pytest.fixture(autouse=True)
def order(valkey: str, db: None) -> None:
    compositions.put("order", {"type": "STANDARD", "definition": ORDER}, by=SYSTEM)
    compositions.put("page", {"definition": ORDER}, by=SYSTEM)


def failed(**fields: object) -> Execution:
    row = executions.start("order", "{}", by=SYSTEM)
    Execution.objects.filter(pk=row.pk).update(status="FAILED", ended_at=clock.now(), error="E", **fields)
    return row


def task(execution: Execution, **fields: object) -> TaskToken:
    return TaskToken.objects.create(
        token=f"t-{execution.pk}", execution=execution.pk, place="[]", state="Ask", created_at=clock.now(), **fields
    )


def test_an_execution_is_due_at_once_with_the_present_version() -> None:
    row = executions.start("order", '{"a": 1}', by=ANNA, name="first")
    kept = Execution.objects.get(pk=row.pk)
    assert (kept.status, kept.version, kept.input, kept.name) == ("RUNNING", 1, '{"a": 1}', "first")
    assert kept.wake_at == kept.started_at
    assert AuditEntry.objects.latest("number").action == "execution.start"


def test_ids_sort_by_time() -> None:
    ids = [executions.start("order", "{}", by=SYSTEM).pk for _ in range(3)]
    assert [id[:8] for id in ids] == sorted(id[:8] for id in ids)
    assert len(set(ids)) == 3


def test_what_cannot_be_started_is_refused_with_the_reason() -> None:
    with pytest.raises(NotFound):
        executions.start("nothing", "{}", by=SYSTEM)
    with pytest.raises(Conflict, match="EXPRESS"):
        executions.start("page", "{}", by=SYSTEM)
    with pytest.raises(Invalid) as refused:
        executions.start("order", "{", by=SYSTEM)
    assert refused.value.problems[0].path == "input"


def test_an_execution_whose_id_exists_is_left_alone() -> None:
    row = executions.start("order", "1", by=SYSTEM)
    executions.start_all([executions.Wanted(composition="order", version=1, input_text="2", id=row.pk)], by=SYSTEM)
    assert Execution.objects.get(pk=row.pk).input == "1"


def test_a_composition_with_running_executions_is_not_deleted() -> None:
    executions.start("order", "{}", by=SYSTEM)
    with pytest.raises(Conflict, match="execution"):
        compositions.delete("order", by=SYSTEM)


def test_stopping_ends_it_and_the_children_that_it_waits_for_and_closes_their_tasks() -> None:
    row = executions.start("order", "{}", by=SYSTEM)
    wanted = {"composition": "order", "version": 1, "input_text": "{}", "parent": row.pk}
    waited, apart = executions.start_all(
        [executions.Wanted(**wanted, parent_waits=True), executions.Wanted(**wanted)], by=SYSTEM
    )
    asked = task(waited)
    executions.stop(row.pk, by=ANNA, reason="not wanted")
    statuses = dict(Execution.objects.values_list("pk", "status"))
    assert statuses == {row.pk: "ABORTED", waited.pk: "ABORTED", apart.pk: "RUNNING"}
    asked.refresh_from_db()
    assert asked.status == TaskStatus.CANCELLED
    assert JournalEntry.objects.get(execution=row.pk).told.startswith('[["aborted"')
    with pytest.raises(Conflict, match="ended already"):
        executions.stop(row.pk, by=ANNA)


def test_a_stopped_execution_has_a_new_fence_and_no_owner() -> None:
    row = executions.start("order", "{}", by=SYSTEM)
    Execution.objects.filter(pk=row.pk).update(owner="w", fence=3)
    executions.stop(row.pk, by=ANNA)
    row.refresh_from_db()
    assert (row.owner, row.fence, row.wake_at) == ("", 4, None)


def test_a_failed_execution_is_redriven_and_due() -> None:
    row = failed(fence=2)
    executions.redrive(row.pk, by=ANNA, reason="provider is back")
    row.refresh_from_db()
    assert (row.status, row.error, row.redrive_count, row.fence) == ("RUNNING", "", 1, 3)
    assert row.wake_at is not None
    assert row.ended_at is None


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "PARTIAL"])
def test_what_did_not_fail_is_not_redriven(status: str) -> None:
    row = executions.start("order", "{}", by=SYSTEM)
    Execution.objects.filter(pk=row.pk).update(status=status)
    with pytest.raises(Conflict):
        executions.redrive(row.pk, by=ANNA)


def test_a_task_takes_one_result_and_makes_its_execution_due() -> None:
    row = executions.start("order", "{}", by=SYSTEM)
    Execution.objects.filter(pk=row.pk).update(wake_at=None)
    asked = task(row)
    tasks.complete_task(asked.pk, {"ok": True}, by=ANNA)
    asked.refresh_from_db()
    row.refresh_from_db()
    assert (asked.status, asked.output, asked.ended_by) == ("SUCCEEDED", '{"ok":true}', "anna")
    assert row.signals == 1
    assert row.wake_at is not None
    with pytest.raises(Conflict, match="SUCCEEDED by anna"):
        tasks.fail_task(asked.pk, "E", by=ANNA)
    with pytest.raises(NotFound):
        tasks.complete_task("unknown", {}, by=ANNA)


def test_an_execution_in_a_workers_hands_is_signalled_and_not_made_due() -> None:
    row = executions.start("order", "{}", by=SYSTEM)
    Execution.objects.filter(pk=row.pk).update(wake_at=None, owner="w")
    tasks.fail_task(task(row).pk, "Declined", "no", by=ANNA)
    row.refresh_from_db()
    assert (row.signals, row.wake_at) == (1, None)


def test_a_result_is_what_the_form_asks_for() -> None:
    form = '{"type": "object", "required": ["refunded"], "properties": {"refunded": {"type": "boolean"}}}'
    asked = task(executions.start("order", "{}", by=SYSTEM), form=form)
    with pytest.raises(Invalid) as refused:
        tasks.complete_task(asked.pk, {"refunded": "yes"}, by=ANNA)
    assert [problem.path for problem in refused.value.problems] == ["output.refunded"]
    tasks.complete_task(asked.pk, {"refunded": True}, by=ANNA)


def test_a_heartbeat_moves_the_end_of_patience() -> None:
    asked = task(executions.start("order", "{}", by=SYSTEM), heartbeat_s=60, heartbeat_at=clock.now())
    assert tasks.heartbeat(asked.pk).heartbeat_at > asked.heartbeat_at
