"""Recovery tried by what customers asked for: real intents as the probes of a circuit whose wait is over.

As many as trial calls are permitted, one after the other, and the first failure ends the round: no more customers meet
a broken downstream than must. Executions that are parked on the target come first, then intents that wait for it. One
that passes runs on and is done; one that fails stays parked at its step, with its count, and calls again with the same
key when the circuit has closed. Where nothing waits, or nothing came to call the target, the synthetic probe decides.

An intent becomes an execution that is parked on the target before it is tried, so a process that dies in between
leaves it where it would be anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError, transaction

from breakers.probing import ProbeCall, Verdict
from compositions import redaction
from compositions.dispatching import claims
from compositions.dispatching.claims import Plan
from compositions.dispatching.enriching import enriched
from compositions.models import Execution
from compositions.models.executions import ExecutionStatus
from compositions.patterns import matches

if TYPE_CHECKING:
    from breakers.dataplane import DataPlane
    from breakers.guard.circuits import Guarded
    from compositions.engine.standard.worker import Engine

# One that has failed so often may be at fault itself: others are tried before it.
MOST_TRIALS = 3
# Executions in a round that may come to no call of the target.
SPARE = 3
MARGIN_S = 5.0
LONGEST_INPUT = 2000
ENRICHING_FOR_S, PUT_OFF_S = 60.0, 10.0

log = structlog.get_logger(__name__)


class Chosen(NamedTuple):
    """An execution to try, and what it was asked for."""

    execution: str
    intent: str
    input: str


class RealIntents:
    """A probe source. `engine` gives the engine of this process that carries what is tried."""

    def __init__(self, engine: Callable[[], Awaitable[Engine]]) -> None:
        self._engine = engine

    async def __call__(self, plane: DataPlane, guarded: Guarded, epoch: int | None) -> Verdict | None:
        """None when there was nothing to try the target with. Without an epoch the target is only looked at."""
        if epoch is None or plane.worker.kind != "runner":
            return None
        try:
            return await self._tried(plane, guarded, epoch)
        except (DatabaseError, InterfaceError) as error:
            log.warning("no_intents_to_try", target=guarded.slug, error=str(error).strip())
            return None

    async def _tried(self, plane: DataPlane, guarded: Guarded, epoch: int) -> Verdict | None:
        pipes = {slug: piece.body for slug, piece in plane.config.snapshot.of("pipe").items()}
        permitted = guarded.settings.breaker.permitted_number_of_calls_in_half_open_state
        within_s = guarded.settings.timeout_ms / 1000 + MARGIN_S
        engine = await self._engine()
        calls: list[ProbeCall] = []
        seen: list[str] = []
        while len(calls) < permitted and len(seen) < permitted + SPARE and (not calls or calls[-1].passed):
            chosen = await engine.ask(choose, guarded.slug, pipes, seen)
            chosen = chosen or await _enriched(engine, guarded.slug, pipes)
            if chosen is None:
                break
            seen.append(chosen.execution)
            try:
                async with asyncio.timeout(within_s):
                    verdict = await engine.run_probe(chosen.execution, guarded.slug, epoch)
            except TimeoutError:
                continue
            if verdict.called:
                calls.append(_call(chosen, verdict))
        return Verdict(calls) if calls else None


def _call(chosen: Chosen, verdict: Any) -> ProbeCall:
    """What the round tells of one intent: nothing that is secret."""
    return ProbeCall(
        verdict.passed,
        verdict.status,
        verdict.ms,
        "" if verdict.passed else verdict.detail,
        "" if verdict.passed else "a customer's intent failed there",
        intent=chosen.intent,
        execution=chosen.execution,
        input=_shown(chosen.input),
        result=verdict.detail,
    )


def _shown(text: str) -> str:
    try:
        value = redaction.redacted(msgspec.json.decode(text))
    except msgspec.DecodeError:
        return ""
    shown = msgspec.json.encode(value).decode()
    return shown if len(shown) <= LONGEST_INPUT else shown[:LONGEST_INPUT] + "…"


# What is tried --------------------------------------------------------------------------------------------------------


def choose(target: str, pipes: Mapping[str, Mapping[str, Any]], seen: Iterable[str]) -> Chosen | None:
    """The next execution to try: one that is parked there, else a waiting intent of a pipe that needs the target."""
    parked = Execution.objects.filter(
        parked_on=target, status=ExecutionStatus.RUNNING, owner="", wake_at__isnull=True
    ).exclude(pk__in=list(seen))
    found = parked.order_by("trial_count", "id").values_list("pk", "intent", "input", "trial_count").first()
    if found is not None and found[3] < MOST_TRIALS:
        return Chosen(*found[:3])
    for slug, body in sorted(pipes.items()):
        if target in body["targets"] and body["desired_state"] == "RUNNING" and not body["enrichment"]:
            fresh = _fresh(slug, body, target)
            if fresh is not None:
                return fresh
    return Chosen(*found[:3]) if found is not None else None


def _fresh(slug: str, body: Mapping[str, Any], target: str) -> Chosen | None:
    """Start the oldest intent that waits, parked on the target from the beginning."""
    with transaction.atomic():
        taken, _ = claims.take(slug, 1, ordered=bool(body["order_by"]))
        started = claims.start(_plan(slug, body), claims.matching(taken, _filter(body)), parked_on=target)
    return Chosen(started[0], taken[0].id, taken[0].body) if started else None


async def _enriched(engine: Engine, target: str, pipes: Mapping[str, Mapping[str, Any]]) -> Chosen | None:
    """The same from a pipe with an enrichment, which runs before. One that needs the target itself fails, and waits."""
    for slug, body in sorted(pipes.items()):
        if target not in body["targets"] or body["desired_state"] != "RUNNING" or not body["enrichment"]:
            continue
        ordered, owner = bool(body["order_by"]), f"{engine.id} trial"
        prepared = partial(claims.prepare, slug, 1, owner, ENRICHING_FOR_S, ordered=ordered, matches=_filter(body))
        for one in (await engine.ask(prepared))[0]:
            made, why = await enriched(engine.flow, body["enrichment"], one.body)
            if made is None:
                off = partial(claims.put_off, again_after_s=PUT_OFF_S, most_attempts=int(body["max_attempts"]))
                await engine.ask(off, one, owner, why)
                continue
            start = partial(claims.start_prepared, parked_on=target)
            if execution := await engine.ask(start, _plan(slug, body), one, owner, made):
                return Chosen(execution, one.id, one.body)
    return None


def _plan(slug: str, body: Mapping[str, Any]) -> Plan:
    return Plan(slug, body["target"], body["when_open"], body["max_attempts"])


def _filter(body: Mapping[str, Any]) -> claims.Matches | None:
    return partial(matches, body["filter"]) if body["filter"] else None


async def _engine_for_trials() -> Engine:
    # Imported when it is needed: an operations worker that never tries anything has no engine.
    from compositions.engine.standard.hosting import engine_for_trials

    return await engine_for_trials()


real_intents = RealIntents(_engine_for_trials)
