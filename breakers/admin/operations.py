"""A ModelAdmin that changes nothing by itself: saving and deleting are the noun's operations, audited as ever."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.kernel.access import principal_of
from controlplane.kernel.backoffice import ByAct
from controlplane.kernel.errors import Problem


class ThroughOperations(ByAct, admin.ModelAdmin):
    """Name the operations module with `put` and `delete` in `operations`, and a DocumentForm in `form`."""

    operations: Any
    delete_confirmation_template = "admin/noun_delete.html"
    delete_selected_confirmation_template = "admin/noun_delete_selected.html"
    save_on_top = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "slug"]

    # Saving ----------------------------------------------------------------------------------------------------------

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        formsets, inlines = super()._create_formsets(request, obj, change)  # type: ignore[misc]
        obj.formsets = formsets
        return formsets, inlines

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        reason = form.cleaned_data["reason"]
        saved, _ = self.operations.put(form.slug, form.document, by=principal_of(request), reason=reason)
        obj.pk = saved.pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing is left to do: the operation wrote every row."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        return [{"added": {}} if add else {"changed": {"fields": form.changed_data}}]

    # Deleting --------------------------------------------------------------------------------------------------------

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What a noun consists of goes with it, so permission for the noun is enough."""
        objects, counts, _, protected = super().get_deleted_objects(objs, request)
        return objects, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.operations.delete(obj.slug, by=principal_of(request), reason=request.POST.get("reason", "").strip()[:500])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        with transaction.atomic():
            for obj in queryset:
                self.delete_model(request, obj)

    # What an operation refuses after the form was judged is told, and nothing is changed -----------------------------

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Problem as problem:
            return _refused(request, problem)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except Problem as problem:
            return _refused(request, problem)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changelist_view(request, *args, **kwargs)
        except Problem as problem:
            return _refused(request, problem)


def _refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    messages.error(request, "; ".join([problem.detail or problem.title, *(each.message for each in problem.problems)]))
    return HttpResponseRedirect(request.get_full_path())


class Part(ByAct):
    """Mixin for an inline: a part of the noun, permitted like the noun itself."""

    extra = 0
    show_change_link = False
