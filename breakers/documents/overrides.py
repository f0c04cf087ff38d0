"""The shape of an operator's order over a circuit, and its row as a document."""

from typing import Any

from rest_framework import serializers

from breakers.core.states import OVERRIDES
from breakers.models import Override
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.rest import StrictSerializer

from .fields import Number, Text
from .journeys import WEEK_S


class OverrideShape(StrictSerializer):
    state = serializers.ChoiceField([state.value for state in OVERRIDES])
    reason = Text(max_length=500, help_text="Why; shown on the board and kept in the audit.")
    expires_in_s = Number(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=WEEK_S,
        help_text="Default 900; null: until it is lifted, which only an admin may order.",
    )


def document(override: Override) -> dict[str, Any]:
    return {
        "state": override.state,
        "reason": override.reason,
        "by": override.by,
        "since": rfc3339(override.since),
        "expires_at": rfc3339(override.expires_at),
        "revision": override.revision,
    }
