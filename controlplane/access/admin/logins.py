"""Sessions and logins in the back office: shown, ended and forgiven, never edited."""

from __future__ import annotations

from typing import Any, ClassVar

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.sessions.models import Session

from controlplane.access import sessions
from controlplane.kernel.access import Principal
from controlplane.kernel.backoffice import Administered, ReadOnly, each_row


class Shown(ReadOnly, Administered):
    """Rows that nobody edits and only who administers may see. An action asks for the permission to view."""


@admin.register(Session)
class SessionAdmin(Shown, admin.ModelAdmin):
    """The key is the secret of the session, so no page shows it."""

    list_display = ("who", "expire_date")
    list_display_links = None
    list_filter = ("expire_date",)
    search_fields = ("=session_key",)
    search_help_text = "A whole session key, from a browser's cookie."
    ordering = ("-expire_date",)
    fields = ("who", "expire_date")
    actions = ("end",)

    @admin.display(description="logged in")
    def who(self, session: Session) -> str:
        return sessions.user_of(session) or "nobody"

    def subject(self, obj: Session) -> str:
        return f"user:{sessions.user_of(obj)}"

    @each_row("End selected sessions", done="ended: whoever held them has to log in again", permission="view")
    def end(self, row: Session, by: Principal, reason: str) -> None:
        sessions.end(row, by=by, reason=reason)


@admin.register(AccessAttempt)
class FailedLoginAdmin(Shown, admin.ModelAdmin):
    """What was posted is not shown: somebody may have typed the password into the field for the name."""

    called = "Paused logins"

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address", "user_agent")
    search_help_text = "Name, address or browser."
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent", "path_info")
    actions = ("forgive",)

    def subject(self, obj: AccessAttempt) -> str:
        return f"user:{obj.username}"

    @each_row("Let selected try again at once", done="forgotten: they may log in again", permission="view")
    def forgive(self, row: AccessAttempt, by: Principal, reason: str) -> None:
        sessions.forgive(row, by=by, reason=reason)


class LoginRecord(Shown, admin.ModelAdmin):
    list_filter: ClassVar[Any] = ("attempt_time",)
    search_fields = ("username", "ip_address", "user_agent")
    search_help_text = "Name, address or browser."
    date_hierarchy = "attempt_time"

    def subject(self, obj: Any) -> str:
        return f"user:{obj.username}"


@admin.register(AccessLog)
class LoginAdmin(LoginRecord):
    called = "Logins"
    list_display = ("username", "ip_address", "attempt_time", "logout_time")
    fields = ("username", "ip_address", "attempt_time", "logout_time", "user_agent", "path_info")


@admin.register(AccessFailureLog)
class LoginFailureAdmin(LoginRecord):
    called = "Failed logins"
    list_display = ("username", "ip_address", "attempt_time", "locked_out")
    list_filter = ("attempt_time", "locked_out")
    fields = ("username", "ip_address", "attempt_time", "locked_out", "user_agent", "path_info")
