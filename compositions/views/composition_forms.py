"""The form of a composition: typed fields and the definition's text, which become its document."""

from typing import Any

from django import forms

from breakers.documents.defaults import Document
from breakers.views.limit_forms import NounForm
from compositions import exchange
from compositions.models import Composition
from compositions.panels.checked import Checked, checked
from compositions.texts import written
from controlplane.kernel.errors import Problem

PLAIN = ("title", "description", "tags", "type", "deadline_ms", "max_stale_s", "meta")


class CompositionForm(NounForm):
    class Meta:
        model = Composition
        fields = ("slug", *PLAIN, "definition")
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "type": forms.RadioSelect(attrs={"data-judged": ""}),
            "definition": forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "wrap": "off"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slug = str(self.initial.get("slug") or (self.data or {}).get("composition") or "")
        self.initial["definition"] = _text(self._slug, self.initial.get("definition", ""))
        self.fields["definition"].strip = False  # type: ignore[attr-defined]
        self.fields["type"].choices = self.fields["type"].choices[-2:]  # type: ignore[attr-defined]
        for name in ("deadline_ms", "slug"):
            if name in self.fields:
                self.fields[name].widget.attrs["data-judged"] = ""

    def clean_definition(self) -> str:
        return _plain(self.cleaned_data["definition"])

    def rearrange(self, act: str) -> bool:
        """The check is part of the form: without a script it is asked for by a button."""
        return act == "check"

    def choices(self) -> dict[str, Any]:
        return {"checked": self.checked()}

    def checked(self) -> Checked:
        """What speaks against the text as it is in the form now."""
        type = str(self["type"].value() or "EXPRESS")
        deadline = str(self["deadline_ms"].value() or "")
        return checked(
            _plain(self["definition"].value() or ""),
            slug=self._slug or str((self.data or {}).get("slug", "")),
            type=type if type in ("EXPRESS", "STANDARD") else "EXPRESS",
            deadline_ms=int(deadline) if deadline.isdecimal() and type == "EXPRESS" else None,
        )

    def to_document(self) -> Document:
        given = self.cleaned_data
        document = {name: given[name] for name in PLAIN} | {"definition": given["definition"]}
        if document["type"] != "EXPRESS":
            document["deadline_ms"] = None
        return document

    def show(self, problem: Problem) -> None:
        """Problems inside the definition are listed below it, with their lines."""
        others = [found for found in problem.problems if not found.path.startswith("definition")]
        if len(others) < len(problem.problems):
            self.add_error("definition", "It cannot be saved so: what is wrong is listed below, with its lines.")
        if others or not problem.problems:
            super().show(type(problem)(problem.detail, problems=others))


def _plain(text: str) -> str:
    """The definition of what was typed, or pasted from an export; forms send line ends in pairs, which nobody wrote."""
    text = text.replace("\r\n", "\n")
    try:
        return written(exchange.read(text).definition)
    except exchange.Unreadable:
        return text


def _text(slug: str, definition: Any) -> str:
    """As its author wrote it, where it is the one that stands."""
    if isinstance(definition, str):
        return definition
    row = Composition.objects.filter(slug=slug).first()
    return row.definition if row is not None else written(definition)
