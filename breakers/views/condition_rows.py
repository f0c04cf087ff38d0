"""Conditions of a rule as rows of a form: those of one group must all hold, of several groups one is enough."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms

from breakers.admin.conditions import ConditionForm
from breakers.core.conditions import Condition, operators_of

MOST_ROWS = 200
CELL = re.compile(r"^cond-(\d{1,3})-(group|negated|field|name|operator|values|ignore_case)$")
Cells = dict[str, str]


class ConditionRow(ConditionForm):
    """One condition. Emptied, it is left out."""

    group = forms.IntegerField(min_value=1, max_value=MOST_ROWS, widget=forms.HiddenInput)

    def __init__(self, number: int, cells: Cells) -> None:
        data = {f"cond-{number}-{name}": value for name, value in cells.items()}
        # What a row begins with is no answer of anybody's.
        begin = {"group": group_of(cells), "operator": cells.get("operator")}
        options: dict[str, Any] = {"empty_permitted": True, "use_required_attribute": False}
        super().__init__(data, prefix=f"cond-{number}", initial=begin, **options)
        self.number = number
        self.fields["values"].widget.attrs["rows"] = max(1, min(6, len(cells.get("values", "").splitlines())))
        for name, field in self.fields.items():
            field.help_text = ""
            field.widget.attrs["aria-label"] = f"{field.label or name} (condition {number + 1})".capitalize()

    def clean(self) -> dict[str, Any]:
        """Where there is one way to compare, it is that one."""
        ways = operators_of(self.cleaned_data.get("field") or "path")
        if len(ways) == 1:
            self.cleaned_data["operator"] = ways[0]
        return super().clean()

    @property
    def stated(self) -> bool:
        return bool(getattr(self, "cleaned_data", None))


def posted(data: Mapping[str, Any]) -> list[Cells]:
    """The cells of the rows that were sent, by group."""
    found: dict[int, Cells] = {}
    for name in data:
        if cell := CELL.match(name):
            found.setdefault(int(cell[1]), {})[cell[2]] = data[name]
    return sorted((cells for _, cells in sorted(found.items())), key=group_of)[:MOST_ROWS]


def group_of(cells: Cells) -> int:
    given = cells.get("group", "")
    return int(given) if given.isdecimal() else 1


def cells_of(row: Condition) -> Cells:
    cells = {"group": str(row.group), "field": row.field, "operator": row.operator, "name": row.name}
    cells["values"] = "\n".join(row.values)
    flags = {"negated": row.negated, "ignore_case": row.ignore_case}
    return cells | {name: "on" for name, raised in flags.items() if raised}
