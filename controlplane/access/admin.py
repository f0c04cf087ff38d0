"""Tokens and users in the back office. Every change goes through an operation or into the audit."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from controlplane.access import tokens
from controlplane.access.models import ApiToken
from controlplane.audit.chain import record
from controlplane.kernel.access import principal_of
from controlplane.kernel.backoffice import ByAct

admin.site.unregister(User)
# Roles come with the product; a group edited by hand would change what everybody in it may do, unrecorded.
admin.site.unregister(Group)


@admin.register(ApiToken)
class ApiTokenAdmin(ByAct, admin.ModelAdmin):
    """A token is issued and revoked, never edited or deleted: the audit goes on naming it."""

    writing = "administer"
    list_display = ["title", "user", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at"]
    fields = ["user", "title", "expires_at"]
    actions = ["revoke"]

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    has_module_permission = has_view_permission

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        token, secret = tokens.issue(obj.user, obj.title, expires_at=obj.expires_at, by=principal_of(request))
        obj.pk = token.pk
        messages.success(request, f"Copy the token now, it is not shown again: {secret}")

    @admin.action(description="Revoke selected tokens", permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            tokens.revoke(token, by=principal_of(request), reason="revoked in the back office")


@admin.register(User)
class AuditedUserAdmin(ByAct, UserAdmin):
    """Users, by the act `administer`. Only a superuser may touch superusers or make one."""

    writing = "administer"

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    has_module_permission = has_view_permission

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_delete_permission(request, obj) and not above

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else [*fields, "is_superuser", "user_permissions"]

    def get_actions(self, request: HttpRequest) -> Any:
        """No deleting in bulk, which would pass by the rules for one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        form.before = _document(User.objects.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        record(
            action="user.update" if change else "user.create",
            subject=f"user:{form.instance.get_username()}",
            by=principal_of(request),
            before=form.before,
            after=_document(form.instance),
            reason=f"changed: {', '.join(form.changed_data)}" if change and form.changed_data else "",
        )

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            user = User.objects.get(pk=id)
            record(action="user.password", subject=f"user:{user.get_username()}", by=principal_of(request))
        return response

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        before = _document(obj)
        super().delete_model(request, obj)
        record(action="user.delete", subject=f"user:{before['username']}", by=principal_of(request), before=before)


def _document(user: User) -> dict[str, Any]:
    return {
        "username": user.get_username(),
        "active": user.is_active,
        "staff": user.is_staff,
        "superuser": user.is_superuser,
        "groups": sorted(user.groups.values_list("name", flat=True)),
    }
