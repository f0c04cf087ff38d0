"""One move of a circuit, as the API lists it."""

from typing import Any

from rest_framework import serializers

from breakers.models import Transition
from controlplane.kernel.clock import rfc3339


class TransitionView(serializers.Serializer[Any]):
    target = serializers.CharField()
    epoch = serializers.IntegerField()
    at = serializers.DateTimeField()
    from_state = serializers.CharField()
    to_state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    wait_s = serializers.FloatField(help_text="Wait that an open circuit began with.")
    evidence = serializers.ListField(
        child=serializers.DictField(), help_text="The failures that led to it, newest first."
    )


def document(move: Transition) -> dict[str, Any]:
    return {
        "target": move.target,
        "epoch": move.epoch,
        "at": rfc3339(move.at),
        "from_state": move.from_state,
        "to_state": move.to_state,
        "reason": move.reason,
        "wait_s": move.wait_ms / 1000,
        "evidence": move.evidence,
    }
