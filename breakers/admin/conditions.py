"""The statement of a request rule as rows to fill in: rows of one group are joined by and, groups by or."""

from typing import Any

from django import forms

from breakers.core.conditions import NAMED, OPERATORS, SIZES, Condition, operators_of, rows

PREFIX = "conditions"
FIELD_CHOICES = [
    ("ip", "IP address"),
    ("forwarded_ip", "forwarded IP address"),
    ("path", "path"),
    ("method", "method"),
    ("header", "header …"),
    ("query", "query parameter …"),
    ("label", "label"),
    ("body_size", "size of the body (bytes)"),
    ("header_size", "size of all headers (bytes)"),
    ("query_size", "size of the query (bytes)"),
    ("path_size", "size of the path (bytes)"),
]
OPERATOR_WORDS = {
    "is": "is one of",
    "starts": "starts with",
    "ends": "ends with",
    "contains": "contains",
    "present": "is there",
    "missing": "is missing",
    "over": "is over",
}


class ConditionForm(forms.Form):
    group = forms.IntegerField(
        min_value=1, max_value=200, initial=1, help_text="All rows of a group must hold; one group is enough."
    )
    negated = forms.BooleanField(label="not", required=False, help_text="The opposite of this row.")
    field = forms.ChoiceField(choices=[("", "choose …"), *FIELD_CHOICES], help_text="What of the request is looked at.")
    name = forms.CharField(required=False, max_length=200, help_text="Of the header or query parameter.")
    operator = forms.ChoiceField(
        label="compared",
        choices=[(word, OPERATOR_WORDS[word]) for word in OPERATORS],
        initial="is",
        help_text="How it is compared.",
    )
    values = forms.CharField(
        label="with", required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="One a line; any of them."
    )
    ignore_case = forms.BooleanField(label="any case", required=False, help_text="A is a.")

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        field, operator = given.get("field"), given.get("operator")
        values = [line.strip() for line in (given.get("values") or "").splitlines() if line.strip()]
        given["values"] = tuple(values)
        if not field or not operator:
            return given
        if operator not in operators_of(field):
            words = " or ".join(f"“{OPERATOR_WORDS[word]}”" for word in operators_of(field))
            self.add_error("operator", f"This can only be compared by {words}.")
            return given
        if field in NAMED and not given.get("name"):
            self.add_error("name", "Name the header or parameter.")
        if operator in ("present", "missing"):
            given["values"] = ()
        elif not values:
            self.add_error("values", "Say with what, one a line.")
        elif field in SIZES and not (len(values) == 1 and values[0].isdecimal()):
            self.add_error("values", "One whole number of bytes, such as 8192.")
        elif field == "label" and len(values) > 1:
            self.add_error("values", "One label a row; for either of two use two groups.")
        return given

    def condition(self) -> Condition:
        given = self.cleaned_data
        field, operator = given["field"], given["operator"]
        named, text = field in NAMED, field in (*NAMED, "path") and bool(given["values"])
        return Condition(
            group=given["group"],
            field=field,
            operator=operator,
            values=given["values"],
            name=given["name"] if named else "",
            negated=given["negated"],
            ignore_case=given["ignore_case"] and text,
        )


class ConditionSet(forms.BaseFormSet):
    @property
    def columns(self) -> list[Any]:
        """The fields of a row, for the head of the table."""
        return [self.empty_form[name] for name in ConditionForm.base_fields]

    @property
    def rows(self) -> list[Any]:
        """Every row, with the empty one from which others are made at the end."""
        return [*self.forms, self.empty_form]


# One empty row stands at the end, so that rows can be added where no script runs.
Conditions = forms.formset_factory(ConditionForm, formset=ConditionSet, extra=1, can_delete=True, max_num=200)


def condition_set(tree: dict[str, Any], data: Any = None) -> Any:
    """The rows of a statement, filled in with `data` if a form was sent; None when it has no such form."""
    known = rows(tree)
    if known is None:
        return None
    initial = [{**row._asdict(), "values": "\n".join(row.values)} for row in known]
    return Conditions(data, prefix=PREFIX, initial=initial)
