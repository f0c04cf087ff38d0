"""Kept answers: whose are kept, how many, how old, and purging them with a reason."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from breakers import routes
from breakers.core.purges import Mark
from breakers.heard import heard
from breakers.models import Purge, Target
from breakers.operations import purges
from breakers.panels import kept as panel
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import Problem

LAST = 10


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("view")
def kept(request: HttpRequest) -> HttpResponse:
    """Everybody's answers, and a form that purges by target, route or tag."""
    if request.method == "POST":
        kind, name = request.POST.get("kind", ""), request.POST.get("name", "").strip()
        return _purge(request, {kind: name}, "kept", _page)
    return _page(request, restored_form(request))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("view")
def kept_of(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    """The answers of one target or route, and forms that purge all or those to one request."""

    def again(request: HttpRequest, given: Any = None, **more: Any) -> HttpResponse:
        return _one(request, kind, slug, given, **more)

    if request.method == "POST":
        path, query = request.POST.get("path", "").strip(), request.POST.get("query", "").strip()
        if not path:
            return _purge(request, {kind: slug}, reverse("kept-of", args=[kind, slug]), again)
        key = {kind: slug, "path": path, "query": query.removeprefix("?") or None}
        return _purge(request, {"key": key}, reverse("kept-of", args=[kind, slug]), again)
    return again(request, restored_form(request))


def _purge(request: HttpRequest, wanted: dict[str, Any], back: str, again: Any) -> HttpResponse:
    if not can(request.user, "operate", "cache:"):
        return again(request, request.POST, refused="Your role does not include the act “operate”.", status=403)
    try:
        done = purges.purge(wanted, by=principal_of(request), reason=request.POST.get("reason", ""))
    except Problem as problem:
        said = " ".join([problem.detail or problem.title, *(found.message for found in problem.problems)])
        return again(request, request.POST, refused=said, status=problem.status)
    applied, total = heard(done.version)
    removed = "the store is away: what it holds is ignored" if done.removed is None else f"{done.removed} deleted"
    doors = f"{applied} of {total} front doors go by it" if total else "no front door runs"
    messages.success(request, f"Purged {', '.join(done.names)}: {removed}, {doors}.")
    return redirect(back)


def _page(request: HttpRequest, given: Any = None, *, refused: str = "", status: int = 200) -> HttpResponse:
    owners = panel.owners()
    context = {
        "owners": owners,
        "given": given or {},
        "refused": refused,
        "restored": given is not None and not refused,
        "may_purge": can(request.user, "operate", "cache:"),
        "names": sorted(_names()),
        "last": AuditEntry.objects.filter(action="cache.purge").order_by("-number")[:LAST],
    }
    return render(request, "breakers/kept.html", context, status=status)


def _one(
    request: HttpRequest, kind: str, slug: str, given: Any = None, *, refused: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "kind": kind,
        "slug": slug,
        "found": panel.of(kind, slug),
        "given": given or {},
        "refused": refused,
        "restored": given is not None and not refused,
        "may_purge": can(request.user, "operate", f"{kind}:{slug}"),
        "purged_at": _last_purge(slug if kind == "target" else f"route/{slug}"),
    }
    return render(request, "breakers/kept_of.html", context, status=status)


def _names() -> set[str]:
    """What can be typed: slugs and tags."""
    found = set()
    for slug, tags in Target.objects.values_list("slug", "tags"):
        found |= {slug, *tags}
    for facts in routes.known():
        found |= {facts.slug, *facts.tags}
    return found


def _last_purge(owner: str) -> Any:
    mark = purges.name_of(Mark(0, owner))
    return Purge.objects.filter(name=mark).values_list("at", flat=True).first()
