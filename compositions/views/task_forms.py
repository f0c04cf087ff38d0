"""The form of a manual task, made from its JSON Schema: a field for each property, JSON where none fits.

What is typed is read into the types that the schema names and then judged by the schema itself, so that the form never
knows better than the task.
"""

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from controlplane.kernel.errors import Problem

WHOLE = "output"  # the one field of a task without a schema
LONG = 200


class TaskForm(forms.Form):
    """`schema` describes an object; anything else is asked for as JSON in one field."""

    def __init__(self, *args: Any, schema: Mapping[str, Any] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._properties = _properties(schema)
        required = set((schema or {}).get("required") or ())
        for name, of in self._properties.items():
            field = _field(of)
            field.label = str(of.get("title") or name.replace("_", " ").capitalize())
            field.help_text = str(of.get("description") or "")
            # A box that is not ticked is an answer.
            field.required = name in required and not isinstance(field, forms.BooleanField)
            if "default" in of:
                field.initial = json.dumps(of["default"]) if isinstance(field, forms.JSONField) else of["default"]
            self.fields[f"field-{name}"] = field
        if not self._properties:
            self.fields[WHOLE] = forms.JSONField(
                label="Result (JSON)", required=False, initial={}, widget=forms.Textarea(attrs={"rows": 5})
            )

    def output(self) -> Any:
        """What the step is given. A field that was left empty is left out."""
        if not self._properties:
            given = self.cleaned_data[WHOLE]
            return {} if given is None else given
        filled = {name: self.cleaned_data[f"field-{name}"] for name in self._properties}
        return {name: value for name, value in filled.items() if value is not None and value != ""}

    def refuse(self, problem: Problem) -> None:
        """Put what the schema refused beside the field that it names, or above the form."""
        for found in problem.problems:
            name = found.path.removeprefix("output").removeprefix(".").partition(".")[0]
            self.add_error(f"field-{name}" if f"field-{name}" in self.fields else None, found.message)
        if not problem.problems:
            self.add_error(None, problem.detail or problem.title)


def _properties(schema: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    if not schema or schema.get("type", "object") != "object":
        return {}
    found = schema.get("properties") or {}
    return {str(name): of if isinstance(of, dict) else {} for name, of in found.items()}


def _field(of: Mapping[str, Any]) -> forms.Field:
    if "enum" in of:
        choices = [(json.dumps(value), str(value)) for value in of["enum"]]
        return forms.TypedChoiceField(choices=[("", "Choose"), *choices], coerce=json.loads, empty_value=None)
    match of.get("type", "string"):
        case "boolean":
            return forms.BooleanField(required=False)
        case "integer":
            return forms.IntegerField()
        case "number":
            return forms.FloatField()
        case "string" if of.get("format") == "date":
            return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}))
        case "string" if of.get("format") == "email":
            return forms.CharField(widget=forms.EmailInput())
        case "string":
            is_long = of.get("maxLength", 0) > LONG
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 4}) if is_long else forms.TextInput())
    return forms.JSONField(widget=forms.Textarea(attrs={"rows": 3}))
