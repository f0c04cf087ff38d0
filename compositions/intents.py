"""How intents end: written in the transaction that ends their execution, so that neither is true without the other."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Case, CharField, F, TextField, Value, When

from compositions import redaction
from compositions.models import Intent, Pipe
from compositions.models.executions import ExecutionStatus
from compositions.models.intents import IntentStatus
from compositions.models.pipes import Tell

if TYPE_CHECKING:
    from compositions.engine.standard.ends import Ended, Redriven

# What an execution's end means to whoever asked for it. What an operator stopped, and what could not be undone,
# somebody must look at: these are dead letters, and a redrive takes them up again.
OUTCOMES: dict[str, IntentStatus] = {
    ExecutionStatus.SUCCEEDED: IntentStatus.SUCCEEDED,
    ExecutionStatus.PARTIAL: IntentStatus.PARTIAL,
    ExecutionStatus.FAILED: IntentStatus.FAILED,
    ExecutionStatus.TIMED_OUT: IntentStatus.FAILED,
    ExecutionStatus.ABORTED: IntentStatus.DEAD,
    ExecutionStatus.DEAD: IntentStatus.DEAD,
    ExecutionStatus.COMPENSATION_FAILED: IntentStatus.DEAD,
}
LARGEST_OUTPUT = 16_384


def end(ended: Sequence["Ended"]) -> None:
    """An ending: the intents of these executions end as they did."""
    mine = {one.intent: one for one in ended if one.intent}
    if not mine:
        return
    telling = _telling({one.pipe for one in mine.values()})
    Intent.objects.filter(pk__in=list(mine)).update(
        status=_by_intent({intent: OUTCOMES[one.status].value for intent, one in mine.items()}),
        outcome=_by_intent({intent: _outcome(one, one.pipe in telling) for intent, one in mine.items()}, TextField()),
        reason=_by_intent({intent: _reason(one) for intent, one in mine.items()}),
        ended_at=next(iter(mine.values())).ended_at,
        owner="",
        owned_until=None,
    )


def redriven(taken_up: Sequence["Redriven"]) -> None:
    """An execution goes on after its end, and its intent with it."""
    ids = [one.intent for one in taken_up if one.intent]
    if ids:
        Intent.objects.filter(pk__in=ids).update(
            status=IntentStatus.RUNNING, ended_at=None, outcome="", reason="", attempts=F("attempts") + 1
        )


def _by_intent(values: dict[str, str], kind: Any = None) -> Case:
    return Case(
        *(When(pk=intent, then=Value(value)) for intent, value in values.items()), output_field=kind or CharField()
    )


def _telling(slugs: set[str]) -> set[str]:
    """The pipes that tell their workflow's output to whoever knows the intent's id."""
    return set(Pipe.objects.filter(slug__in=slugs, tell=Tell.OUTPUT).values_list("slug", flat=True))


def _outcome(one: "Ended", tells: bool) -> str:
    told: dict[str, Any] = {}
    if one.error:
        told["error"] = one.error
    if tells and one.output and len(one.output) <= LARGEST_OUTPUT:
        told["output"] = redaction.redacted(json.loads(one.output))
    return json.dumps(told, ensure_ascii=False) if told else ""


def _reason(one: "Ended") -> str:
    if OUTCOMES[one.status] != IntentStatus.DEAD:
        return ""
    parts = [str(ExecutionStatus(one.status).label), one.error, redaction.text(one.cause)]
    return ": ".join(part for part in parts if part)[:500]
