"""A ModelAdmin that changes nothing by itself: saving, list edits and deleting are the noun's operations, audited."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.forms import BaseInlineFormSet, BaseModelFormSet, CharField, HiddenInput, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from breakers import capacity
from controlplane.kernel.access import principal_of
from controlplane.kernel.backoffice import ByAct, Refused, all_or_none, reason_in, said
from controlplane.kernel.errors import Conflict, Problem

from .forms import DocumentForm
from .links import page_of, used_by_links

# Nouns whose figures are held against the contracts of targets, on every save.
LIMITING = ("target", "stage", "plan", "throttle", "route")
MOST_FINDINGS = 3
FOLLOWS = "Traffic follows within a second."


class ThroughOperations(ByAct, admin.ModelAdmin):
    """Name the operations module with `put`, `patch` and `delete` in `operations`, and a DocumentForm in `form`."""

    operations: Any
    kind: ClassVar[str]  # as the audit and Conflict.used_by name the noun
    name_field: ClassVar[str] = "slug"
    consequence: ClassVar[str] = FOLLOWS
    save_on_top = True
    list_per_page = 50

    def sentence(self, obj: Any) -> str:
        """The saved settings as a person would say them."""
        return ""

    def name_of(self, obj: Any) -> str:
        return str(getattr(obj, self.name_field))

    def subject(self, obj: Any) -> str:
        return f"{self.kind}:{self.name_of(obj)}"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, self.name_field]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.kind = self.kind
        return form

    # Saving ----------------------------------------------------------------------------------------------------------

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        formsets, inlines = super()._create_formsets(request, obj, change)  # type: ignore[misc]
        obj.formsets = formsets
        return formsets, inlines

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not isinstance(form, DocumentForm):  # a row of the list
            self._applier(request)(None, form)
            return
        reason = form.cleaned_data["reason"]
        saved, _ = self.operations.put(form.slug, form.document, by=principal_of(request), reason=reason)
        obj.pk = saved.pk
        request.said = self.sentence(saved)  # type: ignore[attr-defined]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing is left to do: the operation wrote every row."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Nobody reads it: the audit has before and after."""
        return []

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._told(request, obj, super().response_add(request, obj, post_url_continue))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._told(request, obj, super().response_change(request, obj))

    def _told(self, request: HttpRequest, obj: Any, response: HttpResponse) -> HttpResponse:
        """Whoever saved reads what now holds, and what does not fit the contracts, wherever they go next."""
        if sentence := getattr(request, "said", ""):
            messages.info(request, sentence)
        if self.kind in LIMITING:
            found = [each for each in capacity.findings() if each.touches(self.kind, self.name_of(obj))]
            for finding in found[:MOST_FINDINGS]:
                messages.warning(request, finding.sentence)
        return response

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        more: dict[str, Any] = {"sentence": "It is said here once it is saved."}
        if obj is not None:
            label, url = page_of(self.kind, self.name_of(obj))
            more = {"sentence": self.sentence(self._fresh(obj)), "page_url": url, "page_label": label}
            more["subject"] = self.subject(obj)
        return super().render_change_form(request, {**context, **more}, add, change, form_url, obj)

    def _fresh(self, obj: Any) -> Any:
        """The row as it is saved; a refused form has left its values on `obj`."""
        return self.operations.find(self.name_of(obj))

    # Edits in the list -----------------------------------------------------------------------------------------------

    def patch_of(self, form: Any) -> dict[str, Any]:
        """What the edited cells of one row say, as a merge patch of its document."""
        return {name: form.cleaned_data[name] for name in form.changed_data if name in self.list_editable}

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        formset = super().get_changelist_formset(request, **{"formset": RowEdits, **kwargs})
        return type("Edits", (formset,), {"reason": reason_in(request), "apply": self._applier(request)})

    def _applier(self, request: HttpRequest) -> Any:
        by, reason = principal_of(request), reason_in(request)

        def apply(_: Any, form: Any) -> None:
            self.operations.patch(self.name_of(form.instance), self.patch_of(form), by=by, reason=reason)

        return apply

    # Deleting --------------------------------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What a noun consists of goes with it, so permission for the noun is enough; what refers to it forbids it.

        The operation itself says so: it is tried, and rolled back.
        """
        objects, counts, _, _ = super().get_deleted_objects(objs, request)
        protected: list[Any] = []
        for obj in objs:
            try:
                with transaction.atomic():
                    self.operations.delete(self.name_of(obj), by=principal_of(request), reason="tried")
                    transaction.set_rollback(True)
            except Conflict as conflict:
                protected += used_by_links(conflict, obj if len(objs) > 1 else None)
            except Problem as problem:
                protected.append(said(problem))
        return objects, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.operations.delete(self.name_of(obj), by=principal_of(request), reason=reason_in(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        all_or_none(queryset, lambda row: self.delete_model(request, row))

    # What an operation refuses after the form was judged is told, and nothing is changed -----------------------------

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Problem as problem:
            return _refused(request, problem)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if request.method == "POST" and not reason_in(request):
            messages.error(request, "Say why; it is kept in the audit. Nothing was deleted.")
            return HttpResponseRedirect(request.get_full_path())
        try:
            return super().delete_view(request, object_id, {"consequence": self.consequence, **(extra_context or {})})
        except Problem as problem:
            return _refused(request, problem)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.POST.get("action") == "delete_selected" and request.POST.get("post") and not reason_in(request):
            messages.error(request, "Say why; it is kept in the audit. Nothing was deleted.")
            return HttpResponseRedirect(request.get_full_path())
        label, url = page_of(f"{self.kind}s", None)
        more = {"given_reason": reason_in(request), "asks_reason": self.has_change_permission(request)}
        more |= {"list_url": url, "list_label": label, **(extra_context or {})}
        try:
            response = super().changelist_view(request, more)
        except Refused as refused:
            refused.tell(request)
            return HttpResponseRedirect(request.get_full_path())
        except Problem as problem:
            return _refused(request, problem)
        if isinstance(getattr(response, "context_data", None), dict):  # the page that asks before deleting several
            response.context_data.setdefault("consequence", self.consequence)  # type: ignore[attr-defined]
            response.context_data.setdefault("given_reason", reason_in(request))  # type: ignore[attr-defined]
        return response


def _refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    messages.error(request, said(problem))
    return HttpResponseRedirect(request.get_full_path())


class RowEdits(BaseModelFormSet):
    """Edited cells of a list: tried by the noun's operation, all or none, with each refusal shown at its row."""

    reason = ""

    def apply(self, form: Any) -> None:
        raise NotImplementedError

    def clean(self) -> None:
        super().clean()
        changed = [form for form in self.forms if form.has_changed()]
        if not changed or any(form.errors for form in self.forms):
            return
        if not self.reason:
            raise ValidationError("Say why, in the field beside Save; it is kept in the audit.", "reason")
        with transaction.atomic():
            for form in changed:
                self._try(form)
            transaction.set_rollback(True)

    def _try(self, form: Any) -> None:
        """What one row's edit would meet, after those above it."""
        try:
            with transaction.atomic():
                self.apply(form)
        except Problem as problem:
            form.add_error(None, said(problem))

    def save_new(self, form: Any, commit: bool = True) -> Any:
        raise NotImplementedError("A list adds nothing.")


class PartSet(BaseInlineFormSet):
    """Rows that are only read: the operation writes them anew, so an id may be that of a row that is gone."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields[self._pk_field.name] = CharField(  # type: ignore[attr-defined]
            required=False, widget=HiddenInput, initial=form.instance.pk
        )


class Part(ByAct):
    """Mixin for an inline: a part of the noun, permitted like the noun itself."""

    formset: Any = PartSet
    extra = 0
    show_change_link = False
