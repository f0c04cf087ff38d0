"""Forms of plans, throttles and stages: typed fields with units, which become the noun's document."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.http import QueryDict

from breakers import routes
from breakers.documents.defaults import Document
from breakers.documents.fields import METHODS
from breakers.models import Stage, Throttle, UsagePlan
from controlplane.kernel.errors import Problem

SPARE_ROWS, MOST_ROWS = 1, 50
# Paths of documents whose field has another name than the path with underscores.
NAMES = {"quota": "quota_limit", "cache": "cache_ttl_s"}
ROW = re.compile(r"^overrides\[(?P<index>\d+)\](?:\.(?P<field>[a-z_]+))?")


class NounForm(forms.ModelForm):
    """A form over a noun's columns, for labels, hints and bounds; it judges shapes and never saves."""

    # "0" while the noun is not there; else the revision that was looked at.
    expected = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.new = new
        if not new:
            del self.fields["slug"]
        for field in self.fields.values():
            if isinstance(field, forms.CharField) and not isinstance(field.widget, forms.HiddenInput):
                field.widget.attrs.setdefault("autocomplete", "off")

    def _post_clean(self) -> None:
        """The document is judged by the operation, not the row by the model."""

    def to_document(self) -> Document:
        raise NotImplementedError

    def rearrange(self, act: str) -> bool:
        """Do what a button inside the form asks for, such as one more row; False when it is none of them."""
        return False

    @property
    def wrong(self) -> bool:
        return bool(self.errors)

    def choices(self) -> dict[str, Any]:
        """What the form's template offers besides the fields."""
        return {}

    def show(self, problem: Problem) -> None:
        """Put what an operation refused beside the fields that it names, or above the form."""
        for found in problem.problems:
            path = re.sub(r"\[\d+\]$", "", found.path)
            name = NAMES.get(path, path.replace(".", "_"))
            if name in self.fields:
                self.add_error(name, found.message)
            else:
                self.add_error(None, f"{found.path}: {found.message}" if found.path else found.message)
        if not problem.problems:
            self.add_error(None, problem.detail or problem.title)


class PlanForm(NounForm):
    class Meta:
        model = UsagePlan
        fields = (
            "slug",
            "title",
            "description",
            "stages",
            "rate",
            "burst",
            "quota_limit",
            "quota_period",
            "quota_time_zone",
            "quota_offset_h",
            "mode",
            "on_store_error",
        )
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "stages": forms.CheckboxSelectMultiple,
            "mode": forms.RadioSelect,
            "on_store_error": forms.RadioSelect,
            "quota_time_zone": forms.TextInput(attrs={"list": "time-zones"}),
        }

    def __init__(
        self, data: Mapping[str, Any] | None = None, *args: Any, rows: int = SPARE_ROWS, **kwargs: Any
    ) -> None:
        super().__init__(data, *args, **kwargs)
        self.fields["quota_time_zone"].required = self.fields["quota_offset_h"].required = False
        self.fields["quota_period"].required = False
        overrides = (kwargs.get("initial") or {}).get("overrides", [])
        sent = max([int(name.split("-")[1]) for name in data or () if ROW_FIELD.match(name)], default=-1) + 1
        number = min(MOST_ROWS, max(sent, len(overrides)) + (rows if data is None or not sent else 0))
        places = [(facts.slug, f"{facts.slug}: {facts}") for facts in routes.known()]
        self.rows = [
            OverrideForm(
                data,
                prefix=f"override-{index}",
                initial=overrides[index] if index < len(overrides) else None,
                places=places,
                empty_permitted=True,
                use_required_attribute=False,
            )
            for index in range(number)
        ]

    def rearrange(self, act: str) -> bool:
        """One more empty row, for a browser without a script."""
        if act != "row":
            return False
        place = self.rows[-1].places if self.rows else []
        self.rows.append(OverrideForm(prefix=f"override-{len(self.rows)}", places=place, use_required_attribute=False))
        return True

    def is_valid(self) -> bool:
        judged = [super().is_valid(), *(row.is_valid() for row in self.rows)]
        return all(judged)

    @property
    def wrong(self) -> bool:
        return bool(self.errors or any(row.errors for row in self.rows))

    def choices(self) -> dict[str, Any]:
        return {"zones": sorted(available_timezones())}

    def _stated(self) -> list["OverrideForm"]:
        return [row for row in self.rows if row.stated]

    def to_document(self) -> Document:
        given = self.cleaned_data
        quota = {
            "limit": given["quota_limit"],
            "period": given["quota_period"] or "MONTH",
            "time_zone": given["quota_time_zone"] or "UTC",
            "offset_h": given["quota_offset_h"] or 0,
        }
        return {
            "title": given["title"],
            "description": given["description"],
            "rate": given["rate"],
            "burst": given["burst"],
            "quota": None if given["quota_limit"] is None else quota,
            "stages": sorted(stage.slug for stage in given["stages"]),
            "overrides": [row.to_document() for row in self._stated()],
            "mode": given["mode"],
            "on_store_error": given["on_store_error"],
        }

    def show(self, problem: Problem) -> None:
        mine, stated = [], self._stated()
        for found in problem.problems:
            step = ROW.match(found.path)
            if step and int(step["index"]) < len(stated):
                row, name = stated[int(step["index"])], step["field"] or ""
                row.add_error(name if name in row.fields else None, found.message)
            else:
                mine.append(found)
        if mine or not problem.problems:
            super().show(type(problem)(problem.detail, problems=mine))


ROW_FIELD = re.compile(r"^override-\d{1,3}-")


class OverrideForm(forms.Form):
    """A row of a plan: other limits on a route, a method, or one method of a route. Emptied, it is left out."""

    route = forms.ChoiceField(required=False)
    method = forms.ChoiceField(required=False, choices=[("", "any method"), *((name, name) for name in METHODS)])
    rate = forms.FloatField(required=False, min_value=0.001, max_value=1_000_000, label="rate (requests/s)")
    burst = forms.IntegerField(required=False, min_value=1, max_value=1_000_000, label="burst (requests)")

    def __init__(self, *args: Any, places: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        number = int(str(self.prefix).split("-")[1]) + 1
        self.places = places
        self.fields["route"].choices = [("", "any route"), *places]  # type: ignore[attr-defined]
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = f"{name.capitalize()} of override {number}"

    @property
    def stated(self) -> bool:
        given = getattr(self, "cleaned_data", None) or {}
        return any(given.get(name) not in (None, "") for name in self.fields)

    def clean(self) -> Document:
        given = super().clean() or {}
        if self.stated and given.get("rate") is None and "rate" not in self.errors:
            self.add_error("rate", "State the rate, or empty the whole row to remove it.")
        return given

    def to_document(self) -> Document:
        given = self.cleaned_data
        return {
            "route": given["route"] or None,
            "method": given["method"] or None,
            "rate": given["rate"],
            "burst": given["burst"],
        }


class ThrottleForm(NounForm):
    stage = forms.ModelChoiceField(
        Stage.objects, required=False, to_field_name="slug", empty_label="any stage", help_text="Where it holds."
    )
    route = forms.ChoiceField(required=False, help_text="Needed by scope route; may narrow scope method.")
    method = forms.ChoiceField(
        required=False,
        choices=[("", "any method"), *((name, name) for name in METHODS)],
        help_text="Needed by scope method.",
    )

    class Meta:
        model = Throttle
        fields = ("slug", "title", "scope", "stage", "route", "method", "rate", "burst", "on_store_error")
        widgets = {"scope": forms.RadioSelect, "on_store_error": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = [(facts.slug, f"{facts.slug}: {facts}") for facts in routes.known()]
        self.fields["route"].choices = [("", "any route"), *places]  # type: ignore[attr-defined]
        self.fields["scope"].choices = self.fields["scope"].choices[-4:]  # type: ignore[attr-defined]

    def to_document(self) -> Document:
        given = self.cleaned_data
        return {
            "title": given["title"],
            "scope": given["scope"],
            "stage": given["stage"].slug if given["stage"] else None,
            "route": given["route"] or None,
            "method": given["method"] or None,
            "rate": given["rate"],
            "burst": given["burst"],
            "on_store_error": given["on_store_error"],
        }


class StageForm(NounForm):
    class Meta:
        model = Stage
        fields = (
            "slug",
            "title",
            "hosts",
            "base_path",
            "rate",
            "burst",
            "on_store_error",
            "allowed_origins",
            "trusted_proxies",
            "max_body_bytes",
            "max_header_bytes",
            "cache_ttl_s",
            "cache_vary_headers",
            "cache_vary_query",
        )
        widgets = {"on_store_error": forms.RadioSelect}

    def to_document(self) -> Document:
        given = dict(self.cleaned_data)
        cache = {name: given.pop(f"cache_{name}") for name in ("ttl_s", "vary_headers", "vary_query")}
        plain = {name: given[name] for name in self.Meta.fields if name in given and name != "slug"}
        return {**plain, "cache": {**cache, "vary_query": cache["vary_query"] or None}}


def initial(kind: str, document: Document) -> Document:
    """A noun's document as the values of its form's fields."""
    fields = {name: value for name, value in document.items() if name not in ("quota", "cache")}
    fields |= {f"quota_{name}": value for name, value in (document.get("quota") or {}).items()}
    fields |= {f"cache_{name}": value for name, value in (document.get("cache") or {}).items()}
    if kind == "plan":
        fields["stages"] = list(Stage.objects.filter(slug__in=document["stages"]).values_list("pk", flat=True))
    return fields


def as_hidden(posted: QueryDict) -> list[tuple[str, str]]:
    """What was typed, to travel through the preview unchanged; secrets do not travel."""
    left_out = ("csrfmiddlewaretoken", "act", "reason")
    kept = {name: values for name, values in posted.lists() if name not in left_out and "secret" not in name}
    return [(name, value) for name, values in kept.items() for value in values]


def free_slug(slug: str, taken: set[str]) -> str:
    """A name for a copy: `gold-copy`, `gold-copy-2`, …"""
    stem = f"{slug[:50]}-copy"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 100))]
    return next((name for name in names if name not in taken), "")
