"""The form of a request rule: conditions as rows in groups; rate, action and answer as fields."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorDict

from breakers.admin.rules import KEYS
from breakers.core import conditions
from breakers.core.conditions import Condition
from breakers.core.statements import sentence
from breakers.documents.defaults import Document
from breakers.documents.fields import TOKEN
from breakers.documents.rules import DEFAULT_KEYS, HEADER
from breakers.models import RequestRule, Stage
from breakers.panels import rule_trials
from controlplane.kernel.errors import Problem

from .condition_rows import MOST_ROWS, ConditionRow, cells_of, group_of, posted
from .limit_forms import NounForm
from .rule_trials import PREFIX, TrialForm

HOLDS_BACK = ("block", "challenge")


class RuleForm(NounForm):
    """`present` is the rule's statement as it is saved. One that has no rows is kept as it is until rows replace it."""

    stage = forms.ModelChoiceField(
        Stage.objects, required=False, to_field_name="slug", empty_label="every stage", help_text="Where it is asked."
    )
    counted_by = forms.MultipleChoiceField(
        label="Counted by",
        required=False,
        choices=KEYS,
        widget=forms.CheckboxSelectMultiple,
        help_text="What makes requests one client. Nothing chosen: all requests are counted together.",
    )
    counted_headers = forms.CharField(
        label="And by headers",
        required=False,
        max_length=500,
        help_text="Names of headers whose values make different clients, separated by commas.",
    )

    class Meta:
        model = RequestRule
        fields = (
            "slug",
            "title",
            "priority",
            "enabled",
            "stage",
            "label",
            "rate_limit",
            "rate_window_s",
            "action",
            "answer_status",
            "answer_content_type",
            "answer_body",
        )
        widgets = {"action": forms.RadioSelect, "answer_body": forms.Textarea(attrs={"rows": 3})}

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, present: Document | None = None, **kwargs: Any
    ) -> None:
        begin = dict(kwargs.pop("initial", None) or {})
        super().__init__(data, initial=_fields(begin), **kwargs)
        self.present = present
        self.fields["answer_body"].strip = False  # type: ignore[attr-defined]
        self.fields["rate_window_s"].required = False
        known = conditions.rows(present or {})
        self.whole = known is None if data is None else data.get("shape") == "tree"
        if data is not None:
            self._cells = posted(data)
        else:
            self._cells = begin.get("rows") or [cells_of(row) for row in known or ()]
        self.trial = TrialForm(data if data is not None and f"{PREFIX}-path" in data else None)
        self.tried: rule_trials.Shown | None = None
        self._build()

    def _build(self) -> None:
        self.rows = [ConditionRow(number, cells) for number, cells in enumerate(self._cells)]
        if not self.is_bound:
            self._quiet()

    def _quiet(self) -> None:
        """Nothing was sent to be judged yet."""
        for form in (*self.rows, *([self] if self.is_bound else [])):
            form._errors = ErrorDict()  # type: ignore[attr-defined]

    # Rows -------------------------------------------------------------------------------------------------------------

    @property
    def groups(self) -> list[tuple[int, list[ConditionRow]]]:
        """(number, rows) in the order of the page; numbers are those that the rows carry."""
        found: dict[int, list[ConditionRow]] = {}
        for row, cells in zip(self.rows, self._cells, strict=True):
            found.setdefault(group_of(cells), []).append(row)
        return sorted(found.items())

    def rearrange(self, act: str) -> bool:
        verb, _, number = act.partition("-")
        at = int(number) if number.isdecimal() else 0
        if verb == "try":
            self._try()
            return True
        if verb == "rows":
            self.whole = False
            verb, at = "add", 1
        if verb == "add":
            self._add(at)
        elif verb == "drop":
            del self._cells[at : at + 1]
            self._build()
        else:
            return False
        self._quiet()
        return True

    def _add(self, group: int) -> None:
        """One more row in the group, or in a new one (0), ready to be filled in."""
        if len(self._cells) >= MOST_ROWS:
            return
        last = max([group_of(cells) for cells in self._cells], default=0)
        added = {"group": str(group or last + 1), "operator": "is"}
        self._cells = sorted([*self._cells, added], key=group_of)
        self._build()
        number = next(number for number, cells in enumerate(self._cells) if cells is added)
        self.rows[number].fields["field"].widget.attrs["autofocus"] = True

    @property
    def stated(self) -> list[ConditionRow]:
        return [row for row in self.rows if row.stated]

    def _conditions(self) -> list[Condition]:
        """What the rows say, their groups numbered from 1."""
        found = [row.condition() for row in self.stated]
        numbers = sorted({condition.group for condition in found})
        return [condition._replace(group=numbers.index(condition.group) + 1) for condition in found]

    def statement(self) -> Document:
        """Where the rows say what they said before, the tree stays as somebody wrote it."""
        present = self.present or {}
        if self.whole:
            return present
        stated = self._conditions()
        return present if conditions.rows(present) == stated else conditions.tree(stated)

    # Judging ----------------------------------------------------------------------------------------------------------

    def is_valid(self) -> bool:
        judged = [super().is_valid(), *(row.is_valid() for row in self.rows if not self.whole)]
        if all(judged) and self._would_hold_everything_back():
            verb = self.cleaned_data["action"]
            self.add_error(None, f"Say which requests: without a condition it would {verb} every one.")
            return False
        return all(judged)

    def _would_hold_everything_back(self) -> bool:
        """Newly so: somebody who has said it by REST may go on."""
        given = self.cleaned_data
        unconditional = not self.statement() and self.present != {}
        return unconditional and given["action"] in HOLDS_BACK and given["rate_limit"] is None

    @property
    def wrong(self) -> bool:
        return bool(self.errors or any(row.errors for row in self.rows))

    def clean_counted_headers(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["counted_headers"].split(",") if name.strip()]
        for name in names:
            if not TOKEN.fullmatch(name):
                raise forms.ValidationError(f"{name} is not the name of a header.", "invalid")
        return names

    def choices(self) -> dict[str, Any]:
        present = self.present or {}
        if not self.whole:
            return {}
        return {"tree_text": json.dumps(present, indent=2, ensure_ascii=False), "tree_sentence": sentence(present)}

    def to_document(self) -> Document:
        given = self.cleaned_data
        keys = [*given["counted_by"], *(f"{HEADER}{name}" for name in given["counted_headers"])]
        rate = {"limit": given["rate_limit"], "window_s": int(given["rate_window_s"] or 300), "keys": keys}
        answer = {
            "status": given["answer_status"],
            "body": (given["answer_body"] or "").replace("\r\n", "\n"),
            "content_type": given["answer_content_type"],
        }
        return {
            **{name: given[name] for name in ("title", "priority", "enabled", "label", "action")},
            "stage": given["stage"].slug if given["stage"] else None,
            "statement": self.statement(),
            "rate": None if given["rate_limit"] is None else rate,
            "answer": answer if any(answer.values()) else None,
        }

    def show(self, problem: Problem) -> None:
        mine = [found for found in problem.problems if not self._show_in_rows(found.path, found.message)]
        for found in [found for found in mine if found.path.startswith("rate.keys")]:
            self.add_error("counted_by", found.message)
            mine.remove(found)
        if mine or not problem.problems:
            super().show(type(problem)(problem.detail, problems=mine))

    def _show_in_rows(self, path: str, message: str) -> bool:
        """A problem inside the statement, at the field of the row that says it."""
        places = [] if self.whole else conditions.places(self._conditions())
        for place, row in zip(places, self.stated, strict=not self.whole):
            rest = path.removeprefix(place)
            if path.startswith(place) and rest[:1] in ("", ".", "["):
                row.add_error("name" if rest.endswith(".name") else "values", message)
                return True
        return False

    def _try(self) -> None:
        """What all rules would do with the request beside the form, this one as it stands there."""
        if self.is_valid() and self.trial.is_valid():
            slug = self.cleaned_data.get("slug") or self.data.get("rule", "") or "new-rule"
            draft = {**self.to_document(), "slug": slug}
            self.tried = rule_trials.tried(self.trial.described(), draft)


def _fields(document: Document) -> Document:
    """A rule's document as the values of the form's fields."""
    found = {name: value for name, value in document.items() if name not in ("rate", "answer", "statement", "rows")}
    rate = document.get("rate")
    keys = list(DEFAULT_KEYS) if rate is None else rate["keys"]
    found["counted_by"] = [key for key in keys if not key.startswith(HEADER)]
    found["counted_headers"] = ", ".join(key.removeprefix(HEADER) for key in keys if key.startswith(HEADER))
    found |= {f"rate_{name}": value for name, value in (rate or {}).items() if name != "keys"}
    return found | {f"answer_{name}": value for name, value in (document.get("answer") or {}).items()}
