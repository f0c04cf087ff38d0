"""Forms that operators fill in at 3 a.m.: few fields, sound defaults, and nothing typed is ever lost."""

from typing import Any

from django import forms

from breakers.core.states import State
from breakers.models.delays import Severity
from breakers.panels.previews import AUTOMATIC
from controlplane.kernel.errors import Problem

NEVER = "never"
EXPIRIES = [("900", "15 minutes"), ("3600", "1 hour"), ("14400", "4 hours")]
UNTIL_CLEARED = (NEVER, "until I clear it")


def seconds(expires: str) -> float | None:
    return None if expires == NEVER else float(expires)


class OrderForm(forms.Form):
    """An order over a circuit. `expected` is the revision of the order that the operator saw, or "none"."""

    state = forms.ChoiceField(
        choices=[(state, state) for state in (State.FORCED_OPEN, State.FORCED_CLOSED, State.DISABLED, AUTOMATIC)],
        error_messages={"required": "Choose what to do."},
    )
    reason = forms.CharField(max_length=500, error_messages={"required": "Say why: it is shown on the board and kept."})
    expires = forms.ChoiceField(choices=EXPIRIES, initial="900", required=False)
    expected = forms.CharField(required=False)

    def __init__(self, *args: Any, may_bind_for_ever: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if may_bind_for_ever:
            self.fields["expires"].choices = [*EXPIRIES, UNTIL_CLEARED]  # type: ignore[attr-defined]


class DelayForm(forms.Form):
    """An operator's word on a journey."""

    delayed = forms.TypedChoiceField(
        choices=[("yes", "delayed"), ("no", "not delayed")], coerce=lambda value: value == "yes", initial="yes"
    )
    message = forms.CharField(max_length=500, required=False)
    severity = forms.ChoiceField(choices=Severity.choices)
    reason = forms.CharField(max_length=500, error_messages={"required": "Say why: it is kept in the audit."})
    expires = forms.ChoiceField(choices=[*EXPIRIES, UNTIL_CLEARED], initial="3600")


def refuse(form: forms.Form, problem: Problem) -> None:
    """Put what an operation refused beside the fields that it names, or above the form."""
    named = {"expires_in_s": "expires"}
    for found in problem.problems:
        field = named.get(found.path, found.path)
        form.add_error(field if field in form.fields else None, found.message)
    if not problem.problems:
        form.add_error(None, problem.detail or problem.title)
