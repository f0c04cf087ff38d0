"""Logging in and out, and what a throttled login sees."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

login = LoginView.as_view()
logout = LogoutView.as_view()


def client_address(request: HttpRequest) -> str:
    """Whom a failed login is counted against (AXES_CLIENT_IP_CALLABLE).

    Behind a TLS proxy that is the last address in X-Forwarded-For: the one that the proxy itself saw and appended.
    """
    if settings.BEHIND_TLS_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return str(request.META.get("REMOTE_ADDR", ""))


def locked_out(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    """Too many failed logins for this name from this address (AXES_LOCKOUT_CALLABLE)."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    response = render(request, "registration/locked_out.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = str(minutes * 60)
    return response
