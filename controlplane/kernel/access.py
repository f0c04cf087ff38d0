"""Who acts and what they may do: principals, the table of acts, and the one question `can(user, act, subject)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, runtime_checkable

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = ParamSpec("View")

# Act -> the Django permission that grants it. Groups collect permissions (viewer < operator < admin; service for
# programs); a superuser has all of them. A token acts as the user who owns it.
ACTS = {
    "report": "access.report",  # how one's own calls of a target went
    "view": "access.view",
    "operate": "access.operate",  # overrides, probes, delay words
    "configure": "access.configure",  # targets, journeys, routes
    "administer": "access.administer",  # users and tokens
}
ROLES = {
    "service": ("report",),
    "viewer": ("view",),
    "operator": ("view", "operate"),
    "admin": ("view", "operate", "configure", "administer"),
}


@dataclass(frozen=True)
class Principal:
    """Who did it, as the audit writes it down."""

    name: str
    kind: Literal["user", "token", "system"]
    user_id: int | None = None

    @classmethod
    def system(cls, name: str) -> Principal:
        """The product itself: beat, a worker, a command."""
        return cls(name=name, kind="system")


@runtime_checkable
class Credential(Protocol):
    """What an authentication class leaves in `request.auth` when it is not a session."""

    def principal(self) -> Principal: ...


def principal_of(request: Any) -> Principal:
    """The principal behind a Django or REST request. An anonymous request has none: ask `can` first."""
    credential = getattr(request, "auth", None)
    if isinstance(credential, Credential):
        return credential.principal()
    if not request.user.is_authenticated:
        raise PermissionDenied("An anonymous request has no principal.")
    return Principal(name=request.user.get_username(), kind="user", user_id=request.user.pk)


def can(user: Any, act: str, subject: Any = None) -> bool:
    """Whether `user` may do `act` (a key of ACTS) to `subject` (a noun, or None for the act in general).

    Roles are global today. Every caller names its subject, so that a rule per team or per noun has one place to live.
    """
    permission = ACTS[act]
    return bool(user.is_active and user.has_perm(permission))


def role_of(user: Any) -> str | None:
    """The widest role whose acts the user has, or None."""
    for role in reversed(ROLES):
        if all(can(user, act) for act in ROLES[role]):
            return role
    return None


def require(
    act: str,
) -> Callable[
    [Callable[Concatenate[HttpRequest, View], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, View], HttpResponseBase],
]:
    """A view that needs `act`: anonymous visitors are sent to log in, others without it get 403.

    A view with a form stands under `login_required_keeping_form` (controlplane.access.forms) as well, outermost.
    """
    if act not in ACTS:
        raise ValueError(f"Unknown act {act!r}: use one of {', '.join(ACTS)}.")

    def decorate(
        view: Callable[Concatenate[HttpRequest, View], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, View], HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: View.args, **kwargs: View.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not can(request.user, act):
                raise PermissionDenied(f"Your role does not include the act “{act}”.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate
