"""A back-office form that becomes a noun's document: judged whole, with every problem shown at its field."""

import re
from typing import Any

from django import forms
from django.forms.formsets import all_valid

from breakers.documents.defaults import Document
from breakers.documents.stages import MAIN
from breakers.models import Stage
from controlplane.config.commit import current_revision
from controlplane.config.models import Revision
from controlplane.kernel.backoffice import LONGEST_REASON
from controlplane.kernel.errors import FieldProblem, Problem

STEP = re.compile(r"^(?P<block>[a-z_]+)(?:\[(?P<index>\d+)\])?(?:\.(?P<field>[a-z_]+))?")


class DocumentForm(forms.ModelForm):
    """The main form of a noun. Its formsets hang on the instance, put there by ThroughOperations."""

    reason = forms.CharField(
        label="Reason for this change",
        required=False,
        max_length=LONGEST_REASON,
        help_text="Kept in the audit, where others look for it when something is odd.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    # Revision that the person saw: whoever saves later is told what came between.
    expected = forms.IntegerField(required=False, widget=forms.HiddenInput)
    kind = ""
    # Block of the document -> prefix of the columns that hold it in the main form.
    columns: dict[str, str] = {}
    document: Document | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["expected"].initial = self.revision()

    def to_document(self) -> Document:
        """What the forms state, in the shape of the public document."""
        raise NotImplementedError

    def judge(self, slug: str, document: Document) -> None:
        """Raise Invalid when the operation would."""
        raise NotImplementedError

    def parts(self, prefix: str) -> list[Any]:
        """The forms of an inline that were filled in and are to stay, in their order."""
        formset = next((f for f in getattr(self.instance, "formsets", []) if f.prefix == prefix), None)
        live = [
            form
            for form in (formset.forms if formset is not None else [])
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        return sorted(live, key=lambda form: form.cleaned_data.get("position") or 0)

    @property
    def slug(self) -> str:
        return self.cleaned_data.get("slug") or self.instance.slug

    def revision(self) -> int:
        """The number of the noun's newest revision; 0 before it has one."""
        return current_revision(self.kind, self.instance.slug) if self.instance.pk else 0

    def clean_slug(self) -> str:
        """An upsert would overwrite what exists, which nobody means who adds."""
        slug = self.cleaned_data["slug"]
        if not self.instance.pk and self._meta.model._default_manager.filter(slug=slug).exists():
            raise forms.ValidationError("This slug is taken; choose another, or change the one that has it.", "taken")
        return slug

    def clean(self) -> dict[str, Any]:
        """Browsers end lines with two characters; what nobody changed is to stay as it is."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        return {name: value.replace("\r\n", "\n") if isinstance(value, str) else value for name, value in given.items()}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        self._heed_others()
        if self.errors or not all_valid(getattr(self.instance, "formsets", [])):
            return
        self.document = self.to_document()
        if self.errors:
            return
        try:
            self.judge(self.slug, self.document)
        except Problem as problem:
            for each in problem.problems:
                self._show(each)
            if not problem.problems:
                self.add_error(None, problem.detail or problem.title)

    def _heed_others(self) -> None:
        """Somebody else saved while this form was open: told once, with all that was typed kept."""
        seen, present = self.cleaned_data.get("expected"), self.revision()
        if seen is None or seen == present:
            return
        last = Revision.objects.filter(kind=self.kind, slug=self.instance.slug, number=present).first()
        who = f"{last.by} changed it meanwhile" if last else "It was changed meanwhile"
        why = f", because “{last.reason}”" if last and last.reason else ""
        self.add_error(None, f"{who}{why}. Look at it in another window; saving again replaces that.")
        sent: Any = self.data
        self.data = sent.copy()
        sent = self.data
        sent[self.add_prefix("expected")] = str(present)

    def _show(self, problem: FieldProblem) -> None:
        form, field = self._home(problem.path)
        if field in form.fields:
            form.add_error(field, problem.message)
        else:
            form.add_error(None, f"{problem.path}: {problem.message}")

    def _home(self, path: str) -> tuple[Any, str]:
        """The form and field where the person who filled it in looks for the problem at `path`."""
        step = STEP.match(path)
        if step is None:
            return self, ""
        block, index, field = step["block"], int(step["index"] or 0), step["field"] or ""
        if block in self.columns:
            return self, f"{self.columns[block]}{field}"
        parts = self.parts(block)
        if (not field and step["index"] is None) or index >= len(parts):
            return self, block
        return parts[index], field


def enters_by_main(form: forms.ModelForm) -> None:
    """What is new begins with the stage that exists from the start."""
    if form.instance._state.adding and "stages" in form.fields:
        form.initial.setdefault("stages", list(Stage.objects.filter(slug=MAIN).values_list("pk", flat=True)))


def stated(form: forms.ModelForm, *names: str) -> Document:
    """The fields of an inline form that were filled in; an empty one leaves the default."""
    given = {name: form.cleaned_data.get(name) for name in names}
    return {name: value for name, value in given.items() if value is not None and value != ""}


def chosen(title: str, words: list[str], present: str = "") -> list[tuple[str, str]]:
    """Choices of a select: `title` for none, the words, and what is stored although it is none of them."""
    extra = [present] if present and present not in words else []
    return [("", title), *((word, word) for word in [*words, *extra])]
