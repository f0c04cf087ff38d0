"""Intents are started once, the oldest first, in order where the pipe keeps it; and end with their executions."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from compositions.dispatching import claims, leases, looking
from compositions.dispatching.claims import Plan
from compositions.engine.standard import ends
from compositions.engine.standard.ends import Ended
from compositions.models import Execution, Intent
from compositions.models.intents import IntentStatus
from compositions.operations import executions, pipes
from compositions.standing import Standing
from controlplane.kernel import clock

from .conftest import SYSTEM, Accept

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.usefixtures("workflows")]
PLAN = Plan("onboarding", "onboard", "hold", 3)


def start(most: int = 10, **options: Any) -> list[str]:
    """Intents that were started now, in the order of their executions."""
    before = set(Execution.objects.values_list("pk", flat=True))
    claims.start_waiting(PLAN, most, **{"ordered": False, **options})
    return list(Execution.objects.exclude(pk__in=before).order_by("intent").values_list("intent", flat=True))


def end(intent: str, status: str = "SUCCEEDED", **fields: Any) -> None:
    run = Execution.objects.get(intent=intent, status="RUNNING")
    Execution.objects.filter(pk=run.pk).update(status=status)
    told = {"output": "", "error": "", "cause": "", "parent": "", "parent_waits": False, **fields}
    named = {"composition": "onboard", "pipe": run.pipe, "intent": intent}
    ends.end([Ended(id=run.pk, status=status, ended_at=clock.now(), **named, **told)])


def test_the_oldest_start_first_each_with_one_execution(accept: Accept) -> None:
    ids = accept(5, consumer="acme", headers='{"x-campaign": "spring"}')
    assert start(3) == ids[:3]
    assert start(3) == ids[3:]
    assert start(3) == []
    run = Execution.objects.get(intent=ids[0])
    assert (run.pipe, run.input, run.when_open, run.most_parks) == ("onboarding", '{"plan": "premium"}', "hold", 3)
    for part in (f'"Intent":"{ids[0]}"', '"Consumer":"acme"', '"x-campaign":"spring"'):
        assert part in run.metadata
    row = Intent.objects.get(pk=ids[0])
    assert (row.status, row.execution) == ("RUNNING", run.pk)


def test_what_starts_at_two_places_at_once_starts_once(accept: Accept) -> None:
    accept(60)

    def work() -> None:
        try:
            while claims.start_waiting(PLAN, 4, ordered=False).started:
                pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begun = list(Execution.objects.values_list("intent", flat=True))
    assert (len(begun), len(set(begun))) == (60, 60)


def test_what_the_filter_leaves_out_ends_at_once(accept: Accept) -> None:
    ids = [*accept(1), *accept(1, body={"plan": "basic"})]
    assert start(matches=lambda body: body["plan"] == "premium") == ids[:1]
    row = Intent.objects.get(pk=ids[1])
    assert (row.status, row.outcome) == ("SUCCEEDED", '{"filtered": true}')
    assert row.ended_at is not None


def test_one_key_runs_in_order_and_others_do_not_wait_for_it(accept: Accept) -> None:
    ann = accept(3, order_key="ann")
    bob = accept(2, order_key="bob")
    free = accept(1)
    assert start(ordered=True) == sorted([ann[0], bob[0], *free])
    assert looking.held_keys("onboarding") == {"ann", "bob"}
    assert claims.unhold("onboarding", {"ann", "bob"}) == {"ann", "bob"}
    assert start(ordered=True) == []
    end(ann[0])
    assert claims.unhold("onboarding", {"ann", "bob"}) == {"ann", "bob"}
    assert start(ordered=True) == [ann[1]]
    later = accept(1, order_key="ann")
    end(bob[0], "DEAD")
    claims.unhold("onboarding", {"ann", "bob"})
    assert start(ordered=True) == [bob[1]], "a dead letter holds nobody up"
    end(ann[1])
    claims.unhold("onboarding", {"ann"})
    assert start(ordered=True) == [ann[2]]
    end(ann[2])
    claims.unhold("onboarding", {"ann"})
    assert start(ordered=True) == later
    end(later[0])
    assert claims.unhold("onboarding", {"ann"}) == set()


def test_an_intent_ends_as_its_execution_does(accept: Accept) -> None:
    pipes.put("onboarding", {"target": "onboard", "tell": "output"}, by=SYSTEM)
    ids = accept(4)
    start()
    end(ids[0], output='{"order": 7, "password": "x"}')
    end(ids[1], "PARTIAL")
    end(ids[2], "FAILED", error="Card.Declined", cause="no money")
    end(ids[3], "COMPENSATION_FAILED", error="Refund.Failed", cause="card 4111 1111 1111 1111")
    rows = [Intent.objects.get(pk=id) for id in ids]
    assert [row.status for row in rows] == ["SUCCEEDED", "PARTIAL", "FAILED", "DEAD"]
    assert [row.outcome for row in rows] == [
        '{"output": {"order": 7, "password": "(hidden)"}}',
        "",
        '{"error": "Card.Declined"}',
        '{"error": "Refund.Failed"}',
    ]
    assert "Refund.Failed" in rows[3].reason
    assert "4111 1111" not in rows[3].reason
    executions.redrive(rows[3].execution, by=SYSTEM, reason="mended")
    again = Intent.objects.get(pk=ids[3])
    assert (again.status, again.outcome, again.ended_at) == ("RUNNING", "", None)


def test_what_is_prepared_is_nobody_elses_until_its_lease_lapses(accept: Accept) -> None:
    ids = accept(2)
    taken, turn = claims.prepare("onboarding", 10, "host-1", 60, ordered=False)
    assert ([one.id for one in taken], turn.started) == (ids, 2)
    assert start() == []
    assert claims.start_prepared(PLAN, taken[0], "host-1", '{"score": 7}')
    assert Execution.objects.get(intent=ids[0]).input == '{"score": 7}'
    Intent.objects.filter(pk=ids[1]).update(owned_until=clock.now() - timedelta(seconds=1))
    assert claims.reclaim(["onboarding"]) == 1
    assert not claims.start_prepared(PLAN, taken[1], "host-1", "{}"), "its owner was given up"
    assert start() == ids[1:]


def test_what_cannot_be_prepared_waits_and_is_a_dead_letter_in_the_end(accept: Accept) -> None:
    (intent,) = accept(1)
    for attempt in range(3):
        (one,), _ = claims.prepare("onboarding", 1, "host-1", 60, ordered=False)
        assert one.attempts == attempt
        dead = claims.put_off(one, "host-1", "score failed", again_after_s=60, most_attempts=3)
        assert dead is (attempt == 2)
        assert claims.prepare("onboarding", 1, "host-1", 60, ordered=False)[0] == [], "not before its time"
        Intent.objects.update(not_before=None)
    row = Intent.objects.get(pk=intent)
    assert (row.status, row.attempts, row.reason) == ("DEAD", 3, "score failed")


def test_what_has_waited_for_too_long_is_a_dead_letter(accept: Accept) -> None:
    ids = accept(3)
    Intent.objects.filter(pk__in=ids[:2]).update(accepted_at=clock.now() - timedelta(seconds=100))
    assert looking.age("onboarding", 60) == 2
    assert looking.counts(["onboarding"], IntentStatus.DEAD) == {"onboarding": 2}
    assert "longer than 60 s" in Intent.objects.get(pk=ids[0]).reason
    assert start() == ids[2:]


def test_a_pipe_is_started_by_one_process_until_its_lease_lapses() -> None:
    assert leases.lease("one", ["a", "b"], 60) == {"a", "b"}
    assert leases.lease("two", ["a", "b", "c"], 60) == {"c"}
    leases.keep_standing("a", Standing("STOPPED", "circuit", "payment is open"), clock.now())
    leases.release("one")
    assert leases.lease("two", ["a", "b", "c"], 60) == {"a", "b", "c"}
    known = leases.stands("a")
    assert known is not None
    assert known[0].stopped_by == "circuit"
    assert leases.lease("three", ["a"], 60) == set()
    assert leases.lease("two", ["a"], -1) == {"a"}
    assert leases.lease("three", ["a"], 60) == {"a"}


def test_what_waits_is_counted_by_pipe_also_what_is_held(accept: Accept) -> None:
    accept(3)
    accept(2, held=True, order_key="ann")
    accept(1, pipe="other")
    assert looking.counts(["onboarding", "quiet"], IntentStatus.ACCEPTED) == {"onboarding": 5, "quiet": 0}
    assert looking.counts([], IntentStatus.DEAD) == {}


def test_what_has_left_does_not_slow_what_looks_for_the_oldest(accept: Accept) -> None:
    """The plans that the database makes once most of a backlog has drained, and its statistics do not know it yet."""
    accept(2_000)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    kept = accept(20)
    Intent.objects.exclude(pk__in=kept).update(status=IntentStatus.SUCCEEDED)
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note), transaction.atomic():
        claims.take("onboarding", 10, ordered=False)
        claims.take("onboarding", 10, ordered=True)
        looking.oldest("onboarding")
        looking.age("onboarding", 3600)
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    plans = []
    for sql, params in asked:
        if "ORDER BY" in sql:
            with connection.cursor() as cursor:
                cursor.execute(f"{explain} {sql}", params)
                plans.append("\n".join(str(row) for row in cursor.fetchall()))
    assert len(plans) == 4
    assert [plan for plan in plans if "intent_waiting" not in plan] == []
