"""Keeps what is wanted at AWS true, by level: it compares and repeats, and needs no event to be seen.

    1. Ask every publisher what shall hold now, and write down what is new or different.
    2. Claim what is due, by compare and set, so that of several workers one is at it.
    3. Look, when there is something to look at. What holds already is left alone.
    4. Apply the plan, and look again. What is on its way is waited for, what failed is tried later and later.

Nothing here holds up a circuit: who decides never waits for AWS.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from django.db import close_old_connections, connection
from django.db.models import Q

from controlplane.aws import executor
from controlplane.aws.errors import AwsProblem
from controlplane.aws.models import AwsCall, Holding
from controlplane.aws.plans import NotKnown, Want
from controlplane.aws.threads import Threads
from controlplane.kernel import clock, seams

AT_ONCE = 4
CLAIM_S = 90  # longer than look, plan and look take at their timeouts
LOOK_AGAIN_S = 30.0
PASSING_S = 2.0
BACKOFF_S = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
KEPT_CALLS_DAYS = 90

log = structlog.get_logger(__name__)


def wants() -> list[Want]:
    """What shall hold now, by every publisher. Raises NotKnown when one of them cannot know."""
    found: list[Want] = []
    for publisher in seams.sources("AWS_PUBLISHERS"):
        found += publisher()
    return found


def reconcile(*, pool: Threads | None = None, now: datetime | None = None) -> int:
    """One round; how many wants were worked on. Without a pool they are worked on one after the other, here."""
    now = now or clock.now()
    try:
        wanted = {want.key: want for want in wants()}
    except NotKnown as error:
        log.info("aws_round_left_out", why=str(error))
        return 0
    rows = _written_down(wanted, now)
    mine = [(wanted[row.key], row) for row in rows if row.due_at <= now and _claimed(row, now)]
    if pool is None:
        for want, row in mine:
            _bring_about(want, row)
    else:
        for under_way in [pool.submit(_apart, _bring_about, want, row) for want, row in mine]:
            under_way.result()
    return len(mine)


def retry_now(key: str) -> bool:
    """Whether there is such a holding; it is due at once."""
    return bool(Holding.objects.filter(key=key).update(due_at=clock.now(), claimed_until=None))


def prune() -> None:
    AwsCall.objects.filter(at__lt=clock.now() - timedelta(days=KEPT_CALLS_DAYS)).delete()


# Steps ----------------------------------------------------------------------------------------------------------------


def _written_down(wanted: dict[str, Want], now: datetime) -> list[Holding]:
    """The rows of everything that is wanted, brought up to date; rows of what nobody wants any more go."""
    known = {row.key: row for row in Holding.objects.all()}
    gone = known.keys() - wanted.keys()
    if gone:
        Holding.objects.filter(key__in=gone).delete()
    rows = []
    for key, want in wanted.items():
        row = known.get(key)
        if row is None:
            first = _afresh(want, now) | {"reached": want.calm and want.look is None}
            row, _ = Holding.objects.get_or_create(key=key, defaults=first)
        elif (row.desired, row.turn) != (want.desired, want.turn):
            seen = Holding.objects.filter(pk=row.pk, desired=row.desired, turn=row.turn)
            seen.update(**_afresh(want, now))  # compare and set: another worker may have been first
            row.refresh_from_db()
        elif row.title != want.title:
            Holding.objects.filter(pk=row.pk).update(title=want.title)
        rows.append(row)
    return rows


def _afresh(want: Want, now: datetime) -> dict[str, object]:
    return {
        "title": want.title,
        "desired": want.desired,
        "turn": want.turn,
        "since": now,
        "reached": False,
        "attempts": 0,
        "error": "",
        "due_at": now,
        "claimed_until": None,
    }


def _claimed(row: Holding, now: datetime) -> bool:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    mine = Holding.objects.filter(free, pk=row.pk, turn=row.turn, desired=row.desired, due_at__lte=now)
    return mine.update(claimed_until=now + timedelta(seconds=CLAIM_S), tried_at=now) == 1


def _bring_about(want: Want, row: Holding) -> None:
    try:
        if want.look is None:
            if not row.reached:
                executor.apply(want.plan, by=want.key)
            _settle(row, reached=True, actual=want.desired)
            return
        actual = _seen(want)
        if actual != want.desired and actual not in want.passing:
            executor.apply(want.plan, by=want.key)
            actual = _seen(want)
        _settle(row, reached=actual == want.desired, actual=actual)
    except AwsProblem as problem:
        _failed(row, problem.detail)
    except Exception as error:
        log.exception("holding_failed", key=want.key)
        _failed(row, f"{type(error).__name__}: {error}")


def _seen(want: Want) -> str:
    assert want.look is not None
    try:
        return want.seen(executor.look(want.look))
    except AwsProblem as problem:
        if problem.code in want.absent:
            return ""
        raise


def _settle(row: Holding, *, reached: bool, actual: str) -> None:
    now = clock.now()
    again = now + timedelta(seconds=LOOK_AGAIN_S if reached else PASSING_S)
    _update(row, reached=reached, actual=actual, seen_at=now, attempts=0, error="", due_at=again)


def _failed(row: Holding, why: str) -> None:
    wait_s = BACKOFF_S[min(row.attempts, len(BACKOFF_S) - 1)] * random.uniform(0.9, 1.1)
    due_at = clock.now() + timedelta(seconds=wait_s)
    _update(row, attempts=row.attempts + 1, error=why[:500], due_at=due_at)


def _update(row: Holding, **values: object) -> None:
    """Written only while the same is still desired; what is desired since then starts afresh."""
    Holding.objects.filter(pk=row.pk, desired=row.desired, turn=row.turn).update(claimed_until=None, **values)


# Beside the tasks of a worker -----------------------------------------------------------------------------------------


class Beside:
    """A thread of its own for the rounds of this process: the queue's threads, which also probe, never wait for AWS."""

    def __init__(self, work: Callable[[Threads], object]) -> None:
        self._work = work
        self._pool = Threads(AT_ONCE, "aws-call")
        self._busy = threading.Lock()

    def nudge(self) -> bool:
        """Start a round, unless one is running."""
        if not self._busy.acquire(blocking=False):
            return False
        threading.Thread(target=self._run, name="aws", daemon=True).start()
        return True

    def _run(self) -> None:
        try:
            _apart(self._work, self._pool)
        except Exception:
            log.exception("aws_round_failed")
        finally:
            self._busy.release()


def _apart(work: Callable[..., object], *arguments: object) -> None:
    """Work on a thread that Django does not tidy up after."""
    close_old_connections()
    try:
        work(*arguments)
    finally:
        connection.close()


rounds = Beside(lambda pool: reconcile(pool=pool))


def lines(wanted: Iterable[Want]) -> list[str]:
    """What a round would send for wants that do not hold, as `manage.py aws_plan` prints it."""
    held = {row.key: row for row in Holding.objects.filter(reached=True)}
    told: list[str] = []
    for want in wanted:
        row = held.get(want.key)
        holds = row is not None and (row.desired, row.turn) == (want.desired, want.turn)
        told += [f"{want.key}: holds ({want.desired})"] if holds else executor.preview(want.plan)
    return told
