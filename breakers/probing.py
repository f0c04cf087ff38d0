"""Recovery without users: half-open circuits are tried by calls of our own, due on Celery beat's tick or on request.

A round runs its calls back to back under leased permits and spends contract slots like any other call. All must pass.
Rounds of one circuit never overlap, in the whole fleet; a round whose process died lapses, and the half-open limit
turns its circuit back to OPEN.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import msgspec
import structlog
from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from redis.exceptions import RedisError

from breakers.core import machine
from breakers.core.settings import ProbeSettings
from breakers.core.states import State
from breakers.dataplane import DataPlane
from breakers.guard.circuits import Guarded
from breakers.guard.errors import GuardError
from breakers.guard.faults import WireFailure
from breakers.guard.messages import Request
from breakers.hosting import hosted
from breakers.models import ProbeRun
from controlplane.kernel import seams
from controlplane.kernel.errors import Conflict, NotFound, Unavailable

BEAT = "beat"
EXCERPT = 200

log = structlog.get_logger(__name__)


class ProbeCall(msgspec.Struct, omit_defaults=True):
    """One call of a round: what was answered, how fast, and what was wrong with it ("" when it passed).

    `detail` is for operators. `fault` says the same without addresses or bodies: it becomes the circuit's reason, which
    refusals tell to callers. The rest is told where the call was made for a customer: the intent, what it was asked
    with, without secrets, and what came of it.
    """

    passed: bool
    status: int | None
    latency_ms: float
    detail: str
    fault: str = ""
    intent: str = ""
    execution: str = ""
    input: str = ""
    result: str = ""


class Verdict(msgspec.Struct):
    """What a round came to. The first failure ends it."""

    calls: list[ProbeCall]

    @property
    def passed(self) -> bool:
        return all(call.passed for call in self.calls)

    @property
    def last(self) -> ProbeCall:
        return self.calls[-1]


# Sources are asked in the order of PROBE_SOURCES; the first with something to test the target with gives the verdict.
ProbeSource = Callable[[DataPlane, Guarded, int | None], Awaitable[Verdict | None]]


async def synthetic(plane: DataPlane, guarded: Guarded, epoch: int | None) -> Verdict | None:
    """The configured request, `count` times. `epoch` is the half-open epoch that permits are leased for, or None."""
    probe = guarded.settings.probe
    if probe is None:
        return None
    calls: list[ProbeCall] = []
    while len(calls) < probe.count and (not calls or calls[-1].passed):
        calls.append(await _permitted_call(plane, guarded, probe, epoch))
    return Verdict(calls)


async def _permitted_call(plane: DataPlane, guarded: Guarded, probe: ProbeSettings, epoch: int | None) -> ProbeCall:
    if epoch is None:
        return await _call(plane, guarded, probe)
    store, permit = plane.circuit_store, uuid4().hex
    permitted = max(guarded.settings.breaker.permitted_number_of_calls_in_half_open_state, probe.count)
    lease_ms = probe.timeout_ms + 1000
    if not await store.lease_permit(guarded.slug, epoch, permit, permitted=permitted, lease_ms=lease_ms):
        return ProbeCall(False, None, 0.0, "no trial call was permitted: others are under way")
    call = await _call(plane, guarded, probe)
    await store.settle_permit(guarded.slug, epoch, permit, "passed" if call.passed else "failed")
    return call


async def _call(plane: DataPlane, guarded: Guarded, probe: ProbeSettings) -> ProbeCall:
    """Send the probe on the target's own wire, with one slot of each of its contracts."""
    path, _, query = probe.path.partition("?")
    request = Request(probe.method, path, query, [("user-agent", "switchgear-probe")])
    started = time.monotonic()

    def ended(detail: str, status: int | None = None, fault: str = "") -> ProbeCall:
        latency_ms = round((time.monotonic() - started) * 1000, 1)
        return ProbeCall(not detail, status, latency_ms, detail, fault or detail)

    try:
        answer = await plane.guard.probe(guarded, request, timeout_s=probe.timeout_ms / 1000)
    except GuardError as error:
        cause = error.__cause__
        detail = f"{error.reason}: {cause.detail}" if isinstance(cause, WireFailure) else error.reason
        return ended(detail, fault=error.reason)
    if answer.status not in probe.statuses:
        return ended(f"status {answer.status}, expected {probe.expect_status}", answer.status)
    wanted = probe.expect_body_contains
    if wanted and wanted.encode() not in answer.body:
        excerpt = answer.body[:EXCERPT].decode(errors="replace")
        detail = f"the body does not contain {wanted!r}; it begins {excerpt!r}"
        return ended(detail, answer.status, fault="the body is not what was expected")
    return ended("", answer.status)


async def run_round(plane: DataPlane, guarded: Guarded, trigger: str) -> Verdict | None:
    """Try an OPEN circuit: half-open it, probe, close it or let it wait again. None while another round is running."""
    limit_ms = guarded.settings.breaker.max_wait_duration_in_half_open_state_s * 1000
    if not await plane.circuit_store.lease_round(guarded.slug, plane.id, int(limit_ms) + 1000):
        return None
    try:
        circuit = guarded.circuit
        if circuit.state is State.OPEN:
            circuit = await plane.move(guarded, machine.half_open(circuit, _why(trigger)))
        if circuit.state is not State.HALF_OPEN:
            return None
        verdict = await _within(limit_ms / 1000, _ask_sources(plane, guarded, circuit.epoch))
        failure = None if verdict.passed else verdict.last.fault or verdict.last.detail
        breaker = guarded.settings.breaker
        if move := machine.after_round(breaker, circuit, count=len(verdict.calls), failure=failure):
            await plane.move(guarded, move)
    finally:
        await plane.circuit_store.end_round(guarded.slug)
    await asyncio.to_thread(_record, guarded.slug, verdict, trigger)
    return verdict


async def _within(limit_s: float, round_: Awaitable[Verdict | None]) -> Verdict:
    try:
        async with asyncio.timeout(limit_s):
            verdict = await round_
    except TimeoutError:
        return Verdict([ProbeCall(False, None, limit_s * 1000, f"the round took longer than {limit_s:g} s")])
    return verdict or Verdict([ProbeCall(False, None, 0.0, "there is nothing to probe with")])


async def _ask_sources(plane: DataPlane, guarded: Guarded, epoch: int | None) -> Verdict | None:
    for path in settings.PROBE_SOURCES:
        source: ProbeSource = seams.resolve(path)
        verdict = await source(plane, guarded, epoch)
        if verdict is not None:
            return verdict
    return None


def _why(trigger: str) -> str:
    return "the wait is over" if trigger == BEAT else f"probed by {trigger.removeprefix('operator:')}"


def _record(slug: str, verdict: Verdict, trigger: str) -> None:
    close_old_connections()
    last = verdict.last
    ProbeRun.objects.create(
        target=slug,
        at=timezone.now(),
        passed=verdict.passed,
        status=last.status,
        latency_ms=last.latency_ms,
        detail=last.detail[:500],
        calls=msgspec.to_builtins(verdict.calls),
        trigger=trigger[:200],
    )


# Beat's tick ----------------------------------------------------------------------------------------------------------


def due(plane: DataPlane) -> list[Guarded]:
    """Circuits whose wait is over and which probes may try; none under FORCED_OPEN or DISABLED."""
    now_ms = plane.now_ms()
    return [
        guarded
        for guarded in plane.circuits.values()
        if guarded.settings.breaker.half_open_by == "probe"
        and guarded.state not in (State.FORCED_OPEN, State.DISABLED)
        and machine.after_wait(guarded.circuit, now_ms)
    ]


async def tick(plane: DataPlane) -> None:
    """Start the rounds that are due, and return; end half-open times that reached no verdict."""
    for guarded in due(plane):
        plane.spawn(_round(plane, guarded))
    for guarded in list(plane.circuits.values()):
        if move := machine.after_half_open(guarded.settings.breaker, guarded.circuit, plane.now_ms()):
            try:
                await plane.move(guarded, move)
            except (RedisError, OSError) as error:
                log.warning("half_open_not_ended", target=guarded.slug, error=str(error))


async def _round(plane: DataPlane, guarded: Guarded) -> None:
    try:
        verdict = await run_round(plane, guarded, BEAT)
    except (RedisError, OSError) as error:
        log.warning("probe_round_lost", target=guarded.slug, error=str(error))
        return
    if verdict is not None:
        log.info("probe_round", target=guarded.slug, passed=verdict.passed, detail=verdict.last.detail)


# An operator's request ------------------------------------------------------------------------------------------------


def probe_now(slug: str, *, by: str) -> dict[str, object]:
    """Probe at once and say what came of it: {"passed", "status", "latency_ms", "detail"}.

    An OPEN circuit takes it for its round and closes when all pass. Any other circuit is only looked at: its state does
    not change. Raises NotFound, Conflict when there is no probe or a round is running, Unavailable without the store.
    """
    control = hosted("control")
    return control.run(_probe_now(control.plane, slug, f"operator:{by}"), timeout_s=90)


async def _probe_now(plane: DataPlane, slug: str, trigger: str) -> dict[str, object]:
    await plane.config.refresh()
    guarded = plane.circuits.get(slug)
    if guarded is None:
        raise NotFound(f"There is no target {slug!r}.")
    if guarded.settings.probe is None:
        raise Conflict(f"Target {slug!r} has no probe; configure one to try it.")
    try:
        changes_state = guarded.circuit.state is State.OPEN and guarded.state not in (State.FORCED_OPEN, State.DISABLED)
        if changes_state:
            verdict = await run_round(plane, guarded, trigger)
            if verdict is None:
                raise Conflict(f"A probe round of {slug!r} is running already; its result shows in the probe log.")
        else:
            verdict = await _within(90, _ask_sources(plane, guarded, None))
            await asyncio.to_thread(_record, slug, verdict, trigger)
    except (RedisError, OSError) as error:
        raise Unavailable(f"The shared state is out of reach: {error}", retry_after_s=1) from error
    last = verdict.last
    detail = last.detail or f"{len(verdict.calls)} of {len(verdict.calls)} calls passed"
    return {"passed": verdict.passed, "status": last.status, "latency_ms": last.latency_ms, "detail": detail}
