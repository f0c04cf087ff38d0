"""API keys: their list, a key's page, and what an admin may do to one. Keys identify; they do not authenticate."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from breakers.core.api_keys import WORKING, KeyState
from breakers.documents.keys import document, noted, state
from breakers.models import ApiKey, UsagePlan
from breakers.operations import keys as operations
from breakers.operations import usage
from breakers.panels.consumers import places_of, use_of
from breakers.panels.keys import KeySearch
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.kernel import clock
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import NotFound, Problem

from . import exporting
from .key_forms import ConfirmedForm, ExtendForm, KeyForm, ReasonForm, RotateForm, show
from .new_keys import made

A_PAGE = 50
# Form of the page -> what it is when nothing was posted.
FORMS: dict[str, Callable[..., forms.Form]] = {
    "change": KeyForm,
    "rotate": RotateForm,
    "revoke": ConfirmedForm,
    "delete": ConfirmedForm,
    "reset": ReasonForm,
    "extend": ExtendForm,
}


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def keys(request: HttpRequest) -> HttpResponse:
    search, now = _search(request), clock.now()
    page = Paginator(search.found(now), A_PAGE).get_page(request.GET.get("page"))
    words = request.GET.copy()
    words.pop("page", None)
    context = {
        "rows": [(key, state(key, now).value) for key in page.object_list],
        "page": page,
        "wanted": {name: getattr(search, name) for name in KeySearch.__struct_fields__},
        "query": words.urlencode(),
        "plans": UsagePlan.objects.all(),
        "states": [value.value for value in KeyState],
        "may_configure": can(request.user, "configure", "key:"),
    }
    return render(request, "breakers/keys.html", context)


@require_safe
@login_required_keeping_form
@require("view")
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered; no key is in it, for none is kept."""
    now = clock.now()
    head = (
        "id", "prefix", "consumer", "title", "tags", "plans", "state", "created_at", "created_by", "expires_at",
        "last_used_at", "successor", "grace_until", "revoked_at", "revoked_reason",
    )  # fmt: skip
    documents = (document(key, now) for key in _search(request).found(now).iterator(chunk_size=500))
    return exporting.table("keys", head, ([found[name] for name in head] for found in documents))


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def key(request: HttpRequest, id: str) -> HttpResponse:
    for name, form in FORMS.items():
        if (kept := restored_form(request, reverse(f"key-page-{name}", args=[id]))) is not None:
            return _page(request, id, name=name, form=form(kept), restored=True)
    return _page(request, id)


@require_POST
@login_required_keeping_form
@require("configure")
def change(request: HttpRequest, id: str) -> HttpResponse:
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, id, name="change", form=form, status=400)
    try:
        operations.patch(id, form.to_document(_find(id)), by=principal_of(request))
    except Problem as problem:
        return _refused(request, id, "change", form, problem)
    messages.success(request, "Saved. Front doors follow within a second.")
    return redirect("key", id)


@require_POST
@login_required_keeping_form
@require("configure")
def rotate(request: HttpRequest, id: str) -> HttpResponse:
    """Make the successor and show it, this once."""
    form = RotateForm(request.POST)
    if not form.is_valid():
        return _page(request, id, name="rotate", form=form, status=400)
    given = form.cleaned_data
    try:
        row, secret = operations.rotate(id, float(given["grace"]), by=principal_of(request), reason=given["reason"])
    except Problem as problem:
        return _refused(request, id, "rotate", form, problem)
    return made(request, row, secret, old=_find(id))


@require_POST
@login_required_keeping_form
@require("configure")
def revoke(request: HttpRequest, id: str) -> HttpResponse:
    def act(given: dict[str, Any]) -> str:
        operations.revoke(id, by=principal_of(request), reason=given["reason"])
        return "Revoked. Front doors refuse it within a second."

    return _act(request, id, "revoke", act)


@require_POST
@login_required_keeping_form
@require("configure")
def delete(request: HttpRequest, id: str) -> HttpResponse:
    consumer = _find(id).consumer.slug

    def act(given: dict[str, Any]) -> str:
        operations.delete(id, by=principal_of(request), reason=given["reason"])
        return f"Key {id} is deleted; the audit keeps what it was."

    return _act(request, id, "delete", act, page=reverse("consumer", args=[consumer]))


@require_POST
@login_required_keeping_form
@require("configure")
def reset(request: HttpRequest, id: str) -> HttpResponse:
    def act(given: dict[str, Any]) -> str:
        usage.reset(id, by=principal_of(request), reason=given["reason"], plan=request.POST.get("plan") or None)
        return "The quota starts anew. Front doors follow within about a second."

    return _act(request, id, "reset", act)


@require_POST
@login_required_keeping_form
@require("configure")
def extend(request: HttpRequest, id: str) -> HttpResponse:
    def act(given: dict[str, Any]) -> str:
        plan = request.POST.get("plan") or None
        usage.extend(id, given["amount"], by=principal_of(request), reason=given["reason"], plan=plan)
        return f"{given['amount']:,} more requests in this period. Front doors follow within about a second."

    return _act(request, id, "extend", act)


def _act(
    request: HttpRequest, id: str, name: str, act: Callable[[dict[str, Any]], str], page: str | None = None
) -> HttpResponse:
    """Do what a form asks; what cannot be done comes back with the form as it was filled in."""
    form = FORMS[name](request.POST)
    if not form.is_valid():
        return _page(request, id, name=name, form=form, status=400)
    try:
        said = act(form.cleaned_data)
    except Problem as problem:
        return _refused(request, id, name, form, problem)
    messages.success(request, said)
    return redirect(page or reverse("key", args=[id]))


def _refused(request: HttpRequest, id: str, name: str, form: forms.Form, problem: Problem) -> HttpResponse:
    show(form, problem)
    return _page(request, id, name=name, form=form, status=problem.status)


def _page(
    request: HttpRequest,
    id: str,
    *,
    name: str = "",
    form: forms.Form | None = None,
    restored: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The key's page; `form` is the one of its forms that was posted, under `name`."""
    row, now = _find(id), clock.now()
    stands = state(row, now)
    plans = list(row.plans.prefetch_related("stages"))
    context: dict[str, Any] = {
        "key": row,
        "state": stands.value,
        "works": stands in WORKING,
        "rotatable": stands in WORKING and (row.successor is None or state(row.successor, now) not in WORKING),
        "noted": noted(row),
        "plans": plans,
        "use": use_of(row.consumer, plans),
        **places_of(plans),
        "predecessor": getattr(row, "predecessor", None),
        "forms": _forms(row) | ({name: form} if form is not None else {}),
        "wrong": "" if restored else name,
        "restored": name if restored else "",
        "posted_plan": request.POST.get("plan", ""),
        "may_configure": can(request.user, "configure", f"key:{id}"),
    }
    if request.headers.get("HX-Request"):
        return render(request, "breakers/use_live.html", context)
    return render(request, "breakers/key.html", context, status=status)


def _forms(row: ApiKey) -> dict[str, forms.Form]:
    initial: dict[str, Any] = {"title": row.title, "tags": row.tags, "expires_at": row.expires_at}
    initial["plans"] = [plan.slug for plan in row.plans.all()]
    return {name: form(initial=initial) if name == "change" else form() for name, form in FORMS.items()}


def _find(id: str) -> ApiKey:
    try:
        return operations.find(id)
    except NotFound as problem:
        raise Http404(problem.detail) from None


def _search(request: HttpRequest) -> KeySearch:
    given = {name: request.GET.get(name, "").strip()[:200] for name in KeySearch.__struct_fields__}
    if given["state"] not in set(KeyState):
        given["state"] = ""
    return KeySearch(**given)
