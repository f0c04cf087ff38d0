"""What `GET /api/v1/breakers` says of a circuit: what it concludes, what workers act on, and what happens next."""

from typing import Any

from rest_framework import serializers

from breakers.compiling import override_body, target_body
from breakers.core import counts, machine
from breakers.core.settings import Override, parse_target
from breakers.core.states import OBSERVED, State
from breakers.models import Target, Transition
from breakers.store.board import BoardReading
from controlplane.kernel.clock import from_ms, rfc3339, to_ms

from . import overrides

# Under these no probe is sent, whatever the circuit concludes.
_UNPROBED = (State.FORCED_OPEN, State.DISABLED)


class OverrideView(serializers.Serializer[Any]):
    state = serializers.ChoiceField([State.FORCED_OPEN.value, State.FORCED_CLOSED.value, State.DISABLED.value])
    reason = serializers.CharField()
    by = serializers.CharField()
    since = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revision = serializers.IntegerField(help_text="Send it as If-Match to act only on the order that you saw.")


class CountsView(serializers.Serializer[Any]):
    calls = serializers.IntegerField()
    failures = serializers.IntegerField()
    slow = serializers.IntegerField()
    rejected = serializers.IntegerField(help_text="Refused by a gate of ours; never an outcome.")
    consecutive_failures = serializers.IntegerField()


class WorkersView(serializers.Serializer[Any]):
    applied = serializers.IntegerField(help_text="Front doors that run this configuration.")
    total = serializers.IntegerField(help_text="Front doors that are alive.")


class CircuitView(serializers.Serializer[Any]):
    target = serializers.CharField()
    observed_state = serializers.ChoiceField([state.value for state in OBSERVED])
    effective_state = serializers.ChoiceField([state.value for state in State])
    override = OverrideView(allow_null=True)
    epoch = serializers.IntegerField()
    since = serializers.DateTimeField()
    reason = serializers.CharField(allow_blank=True, help_text="Why the breaker concluded its observed state.")
    next_probe_at = serializers.DateTimeField(allow_null=True)
    counts = CountsView(help_text="Since the store began.")
    workers = WorkersView()
    stale = serializers.BooleanField(help_text="The store does not answer: the state is the last one recorded.")


def document(target: Target, board: BoardReading, version: int) -> dict[str, Any]:
    """`target` comes from `rows.targets()`; `version` is the configuration that workers should run."""
    settings = parse_target(target_body(target))
    reading = board.circuit(target.slug)
    circuit = reading.circuit if board.ok else _recorded(target.slug)
    row = getattr(target, "override", None)
    standing = None if row is None else _standing(override_body(row), board.at_ms)
    effective = machine.effective(circuit, settings.breaker, standing, board.at_ms)
    probed = circuit.state is State.OPEN and settings.breaker.half_open_by == "probe" and effective not in _UNPROBED
    applied, total = board.applied(version)
    return {
        "target": target.slug,
        "observed_state": circuit.state.value,
        "effective_state": effective.value,
        "override": overrides.document(row) if row is not None and standing is not None else None,
        "epoch": circuit.epoch,
        "since": rfc3339(from_ms(circuit.since_ms) if circuit.since_ms else target.created_at),
        "reason": circuit.reason,
        "next_probe_at": rfc3339(from_ms(circuit.until_ms)) if probed and circuit.until_ms else None,
        "counts": {
            "calls": reading.total[counts.CALLS],
            "failures": reading.total[counts.FAILURES],
            "slow": reading.total[counts.SLOW],
            "rejected": reading.total[counts.REJECTED],
            "consecutive_failures": circuit.streak,
        },
        "workers": {"applied": applied, "total": total},
        "stale": not board.ok,
    }


def _standing(body: dict[str, Any], now_ms: float) -> Override | None:
    override = Override(**{**body, "state": State(body["state"])})
    return override if override.active(now_ms) else None


def _recorded(slug: str) -> machine.Circuit:
    """The circuit as its last recorded move left it."""
    move = Transition.objects.filter(target=slug).first()
    if move is None:
        return machine.Circuit()
    at_ms = to_ms(move.at)
    return machine.Circuit(State(move.to_state), move.epoch, at_ms, at_ms + move.wait_ms, move.reason)
