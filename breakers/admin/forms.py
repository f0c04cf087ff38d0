"""A back-office form that becomes a noun's document: judged whole, with every problem shown at its field."""

import re

from django import forms
from django.forms.formsets import all_valid

from breakers.documents.defaults import Document
from controlplane.kernel.errors import FieldProblem, Invalid

STEP = re.compile(r"^(?P<block>[a-z_]+)(?:\[(?P<index>\d+)\])?(?:\.(?P<field>[a-z_]+))?")


class DocumentForm(forms.ModelForm):
    """The main form of a noun. Its formsets hang on the instance, put there by ThroughOperations."""

    reason = forms.CharField(
        label="Reason for this change", required=False, max_length=500, help_text="Kept in the audit."
    )
    # Block of the document -> prefix of the columns that hold it in the main form.
    columns: dict[str, str] = {}
    document: Document | None = None

    def to_document(self) -> Document:
        """What the forms state, in the shape of the public document."""
        raise NotImplementedError

    def judge(self, slug: str, document: Document) -> None:
        """Raise Invalid when the operation would."""
        raise NotImplementedError

    def parts(self, prefix: str) -> list[forms.ModelForm]:
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

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors or not all_valid(getattr(self.instance, "formsets", [])):
            return
        self.document = self.to_document()
        try:
            self.judge(self.slug, self.document)
        except Invalid as invalid:
            for problem in invalid.problems:
                self._show(problem)

    def _show(self, problem: FieldProblem) -> None:
        form, field = self._home(problem.path)
        if field in form.fields:
            form.add_error(field, problem.message)
        else:
            form.add_error(None, f"{problem.path}: {problem.message}")

    def _home(self, path: str) -> tuple[forms.ModelForm, str]:
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


def stated(form: forms.ModelForm, *names: str) -> Document:
    """The fields of an inline form that were filled in; an empty one leaves the default."""
    given = {name: form.cleaned_data.get(name) for name in names}
    return {name: value for name, value in given.items() if value is not None and value != ""}
