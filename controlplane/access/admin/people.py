"""Users and roles in the back office. Every change of a user goes into the audit; roles come with the product."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from controlplane.audit.chain import record
from controlplane.kernel.access import ROLES, principal_of
from controlplane.kernel.backoffice import Administered, ReadOnly, reason_in

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(ReadOnly, Administered, admin.ModelAdmin):
    """Read only: a group edited by hand would change what everybody in it may do, unrecorded."""

    called = "Roles"

    list_display = ("name", "acts", "members")
    list_filter = ("name",)
    search_fields = ("name",)
    fields = ("name", "acts", "who")

    @admin.display(description="may")
    def acts(self, group: Group) -> str:
        return ", ".join(ROLES.get(group.name, ())) or "nothing by itself"

    @admin.display(description="members")
    def members(self, group: Group) -> int:
        return group.user_set.count()

    @admin.display(description="Members")
    def who(self, group: Group) -> SafeString | str:
        names = group.user_set.order_by("username").values_list("username", flat=True)
        return format_html_join(", ", "{}", ((name,) for name in names)) or "Nobody."


@admin.register(User)
class AuditedUserAdmin(Administered, UserAdmin):
    """Users, by the act `administer`. Only a superuser may touch superusers or make one."""

    list_display = ("username", "first_name", "last_name", "email", "roles", "is_active", "last_login")
    search_help_text = "Name, or address."
    filter_horizontal = ("groups", "user_permissions")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="role")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or ("superuser" if user.is_superuser else "none")

    def subject(self, obj: User) -> str:
        return f"user:{obj.get_username()}"

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return super().render_change_form(request, {**context, "asks_reason": True}, *args, **kwargs)

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
            reason=reason_in(request),
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
        record(
            action="user.delete",
            subject=f"user:{before['username']}",
            by=principal_of(request),
            before=before,
            reason=reason_in(request),
        )


def _document(user: User) -> dict[str, Any]:
    return {
        "username": user.get_username(),
        "name": user.get_full_name(),
        "email": user.email,
        "active": user.is_active,
        "staff": user.is_staff,
        "superuser": user.is_superuser,
        "groups": sorted(user.groups.values_list("name", flat=True)),
    }
