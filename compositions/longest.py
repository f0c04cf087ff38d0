"""The longest time that a definition may take by the limits of its steps and of what they call; pure.

The greatest sum over any way from StartAt to an end. A Task counts its TimeoutSeconds, else its target's time limit or
the deadline of the composition that it runs, for each attempt, and the delays between; a Wait its Seconds; a Parallel
its slowest branch; a Map one item. States on a loop count once, and what has no limit counts nothing.
"""

from compositions.asl.bounds import attempts, longest_way, seconds_of
from compositions.asl.values import Json
from compositions.callees import callee
from compositions.surroundings import Surroundings
from compositions.walking import Step, machines
from compositions.ways import Ways


def longest_s(definition: Json, around: Surroundings, scope: str = "") -> float:
    ways = Ways(definition, scope)
    weights = {step.path: _seconds(step, around) for step in ways.steps}
    onward = {path: ways.plain[path] + ways.catches[path] for path in weights}
    total, _ = longest_way(ways.start, weights, onward)
    whole = definition.get("TimeoutSeconds") if isinstance(definition, dict) else None
    return min(total, float(whole)) if isinstance(whole, int | float) and not scope else total


def _seconds(step: Step, around: Surroundings) -> float:
    own = seconds_of(step.raw)
    tries = attempts(step.raw)
    inner = max((longest_s(machine, around, scope) for scope, machine in machines(step)), default=0.0)
    if own is not None:
        return own + inner * tries
    called = callee(step.raw, around.base_urls)
    if called is None:
        return 0.0
    limits = [around.timeouts_s.get(target, 0.0) for target in called.targets]
    found = around.find(called.composition) if called.composition and called.waits else None
    if found is not None and found.deadline_ms is not None:
        limits.append(found.deadline_ms / 1000)
    # Delays between attempts are those of a task that takes no time.
    delays = seconds_of({**step.raw, "TimeoutSeconds": 0}) or 0.0
    return max(limits, default=0.0) * tries + delays
