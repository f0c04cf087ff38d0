"""An expired login must not cost the form: what was posted is kept, and filled in again after logging in.

    @login_required_keeping_form
    @require("operate")
    def override(request, slug):
        kept = restored_form(request)            # None, or what was typed before the login had expired
        form = OverrideForm(request.POST or kept)

Without a session, a POST puts its fields (never passwords, tokens or files) into the anonymous session, signed and
bounded in size, and the visitor goes to the login page. After it they land on the page that held the form, and that
page's view gets the fields from `restored_form`, once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

View = ParamSpec("View")

KEPT = "kept_form"
MOST_BYTES = 65_536  # a definition of some length, too
KEPT_FOR_S = 3600
NEVER_KEPT = ("csrfmiddlewaretoken", "password", "secret", "token")


def login_required_keeping_form(
    view: Callable[Concatenate[HttpRequest, View], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, View], HttpResponseBase]:
    """Sends visitors without a login to log in, with the form they posted kept for `restored_form`."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: View.args, **kwargs: View.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        page = _page_of(request)
        if request.method == "POST":
            _keep(request, page)
        answer = redirect_to_login(page)
        return HttpResponseClientRedirect(answer.url) if request.headers.get("HX-Request") else answer

    return guarded


def restored_form(request: HttpRequest, action: str | None = None) -> QueryDict | None:
    """The fields kept for this page, given out once; None when there are none.

    A page with several forms names the one it asks for by the path that the form posts to.
    """
    sealed = request.session.get(KEPT)
    if sealed is None or not request.user.is_authenticated:
        return None
    try:
        kept = signing.loads(sealed, salt=KEPT, max_age=KEPT_FOR_S)
    except signing.BadSignature:
        del request.session[KEPT]
        return None
    if kept["action"] != action if action else urlsplit(kept["page"]).path != request.path:
        return None
    del request.session[KEPT]
    return QueryDict(kept["fields"])


def _page_of(request: HttpRequest) -> str:
    """Where to land after logging in: for a form, the page that held it; its own address may not answer GET."""
    held_by: Any = request.headers.get("HX-Current-URL")
    if not held_by and request.method == "POST":
        held_by = request.headers.get("Referer")
    safe = held_by and url_has_allowed_host_and_scheme(
        held_by, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not safe:
        return request.get_full_path()
    parts = urlsplit(held_by)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _keep(request: HttpRequest, page: str) -> None:
    fields = request.POST.copy()
    for name in list(fields):
        if any(word in name.lower() for word in NEVER_KEPT):
            del fields[name]
    encoded = fields.urlencode()
    if fields and len(encoded) <= MOST_BYTES:
        kept = {"page": page, "action": request.path, "fields": encoded}
        request.session[KEPT] = signing.dumps(kept, salt=KEPT, compress=True)
