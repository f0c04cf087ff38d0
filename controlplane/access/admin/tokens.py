"""API tokens in the back office: issued and revoked, never edited or deleted, for the audit goes on naming them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from controlplane.access import tokens
from controlplane.access.models import ApiToken
from controlplane.kernel import clock
from controlplane.kernel.access import Principal, principal_of
from controlplane.kernel.backoffice import LONGEST_REASON, Administered, each_row, reason_in


class TokenForm(forms.ModelForm):
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=LONGEST_REASON,
        help_text="Kept in the audit.",
        widget=forms.TextInput,
    )

    class Meta:
        model = ApiToken
        fields = ("user", "title", "expires_at")
        help_texts = {
            "user": "Whoever holds the token may do what this user may, and is named after them in the audit.",
            "title": "What it is used for, such as the pipeline or script that holds it.",
            "expires_at": "From then on it is refused. Empty: until it is revoked.",
        }

    def clean_expires_at(self) -> Any:
        given = self.cleaned_data["expires_at"]
        if given is not None and given <= clock.now():
            raise forms.ValidationError("That is over already; choose a time to come, or leave it empty.", "past")
        return given


@admin.register(ApiToken)
class ApiTokenAdmin(Administered, admin.ModelAdmin):
    form = TokenForm
    list_display = ("title", "user", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "user")
    list_select_related = ("user",)
    search_fields = ("title", "prefix", "user__username")
    search_help_text = "Title, user, or the beginning of the token."
    autocomplete_fields = ("user",)
    fields = ("user", "title", "expires_at", "reason")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        if obj is None:
            return self.fields
        return ("user", "title", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at")

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def subject(self, obj: ApiToken) -> str:
        return f"token:{obj.pk}"

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        by, reason = principal_of(request), reason_in(request)
        token, secret = tokens.issue(obj.user, obj.title, expires_at=obj.expires_at, by=by, reason=reason)
        obj.pk = token.pk
        messages.success(request, f"Copy the token now, it is not shown again: {secret}")

    @each_row("Revoke selected tokens", done="refused from now on", permission="add")
    def revoke(self, row: ApiToken, by: Principal, reason: str) -> None:
        tokens.revoke(row, by=by, reason=reason)
