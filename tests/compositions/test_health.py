"""What of the flow needs somebody is said on the board, by /readyz and in metrics; nothing is said when nothing is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from compositions import health
from compositions.models import Execution, Intent, Pipe, SagaWorker, TaskToken
from compositions.models.executions import ExecutionStatus
from compositions.panels.flow import alerts

pytestmark = pytest.mark.django_db


def execution(id, status=ExecutionStatus.RUNNING):
    row = {"composition": "onboard", "version": 1, "input": "{}", "started_at": timezone.now(), "seed": "0"}
    return Execution.objects.create(id=id, status=status, **row)


def task(token, **stated):
    row = {"execution": "e1", "place": "[]", "state": "Sign up", "composition": "onboard", "resource": "manual"}
    return TaskToken.objects.create(token=token, manual=True, created_at=timezone.now(), **row, **stated)


def worker(until, id="w", **stated):
    now = timezone.now()
    until_then = now + timedelta(seconds=until)
    SagaWorker.objects.create(id=id, host="h", pid=1, started_at=now, lease_until=until_then, **stated)


def test_where_all_is_well_nothing_is_said():
    execution("e1")
    worker(5)
    assert health.flow([])["flow"][:2] == ("ok", "1 executions under way")
    assert alerts(health.attention()) == []


def test_whatever_needs_somebody_is_said_with_where_to_go():
    execution("e1")
    execution("e2", ExecutionStatus.COMPENSATION_FAILED)
    worker(-5)
    worker(5, id="only-tries-circuits", takes_up=False)
    task("late", due_at=timezone.now() - timedelta(minutes=1))
    task("free")
    Intent.objects.create(id="0" * 28, pipe="onboarding", status="DEAD", accepted_at=timezone.now())
    assert health.flow([])["flow"][0] == "warning"
    assert [(alert.words, alert.href, alert.bad) for alert in alerts(health.attention())] == [
        ("Could not be undone: 1 saga", "/executions/?status=COMPENSATION_FAILED", True),
        ("No saga worker is alive: what comes in is accepted and waits", "/executions/?status=RUNNING", True),
        ("1 dead letter", "/pipes/", True),
        ("1 late task of people", "/tasks/?show=late", True),
        ("1 task for a person", "/tasks/", False),
    ]
    Pipe.objects.create(slug="onboarding", target="onboard")
    samples = {family.name: len(family.samples) for family in health.families()}
    assert samples == {
        "switchgear_executions": 2,
        "switchgear_intents": 3,
        "switchgear_pipe_stopped": 1,
        "switchgear_pipe_oldest_seconds": 1,
        "switchgear_manual_tasks": 2,
        "switchgear_saga_workers": 1,
    }
