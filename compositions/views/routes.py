"""The routes page: where each request goes, and one click to send it elsewhere, with a reason and a way back.

Beside it, a route's limits: who may call it, how often, and why.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

import breakers.routes
from breakers import capacity
from breakers.panels.findings import shown
from breakers.panels.limits import of_route
from compositions import destinations, sentences
from compositions.documents.routes import document
from compositions.models import Route
from compositions.operations import routes as operations
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.config.models import Revision
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import Conflict, Problem


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def routes(request: HttpRequest) -> HttpResponse:
    kept: dict[str, Any] = {}
    for slug in Route.objects.values_list("slug", flat=True):
        if fields := restored_form(request, reverse("route-change", args=[slug])):
            kept = {"slug": slug, **fields.dict()}
    return _page(request, kept=kept, restored=bool(kept))


@require_POST
@login_required_keeping_form
@require("configure")
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Re-point, enable or disable one route."""
    posted = request.POST
    reason = posted.get("reason", "").strip()
    kept = {"slug": slug, **posted.dict()}
    if not reason:
        return _page(request, kept=kept | {"refused": "Say why: it is kept in the audit."}, status=400)
    try:
        row = operations.find(slug)
        _expect(row, posted.get("expected", ""))
        patch = _patch(row, posted)
        operations.patch(slug, patch, by=principal_of(request), reason=reason)
    except Problem as problem:
        return _page(request, kept=kept | {"refused": _said(problem)}, status=problem.status)
    messages.success(request, f"{operations.find(slug)}: {_words(patch)}. Front doors follow within a second.")
    return redirect("routes")


@require_POST
@login_required_keeping_form
@require("configure")
def undo(request: HttpRequest, slug: str) -> HttpResponse:
    """Back to what the route was before its last change."""
    try:
        row = operations.find(slug)
        _expect(row, request.POST.get("expected", ""))
        before = _before(slug)
        if before is None:
            raise Conflict("There is nothing to go back to.")
        operations.put(slug, before.body, by=principal_of(request), reason=f"undo of revision {before.number + 1}")
        messages.success(request, f"{row}: as it was before.")
    except Problem as problem:
        messages.error(request, _said(problem))
    return redirect("routes")


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def limits(request: HttpRequest, slug: str) -> HttpResponse:
    """Who may call the route, how often in each of its stages, and why."""
    facts = next((known for known in breakers.routes.known() if known.slug == slug), None)
    if facts is None:
        raise Http404(f"There is no route “{slug}”.")
    route = operations.find(slug)
    goes_to = destinations.of(route)
    context = {
        "route": route,
        "goes_to": goes_to,
        "calls": [] if goes_to.kind == "target" else sorted(facts.calls),
        "facts": facts,
        "places": of_route(facts),
        "authorizer": document(route)["authorizer"],
        "findings": shown(found for found in capacity.findings() if found.touches("route", slug)),
        "may_configure": can(request.user, "configure", f"route:{slug}"),
    }
    return render(request, "compositions/route_limits.html", context)


def _page(
    request: HttpRequest, *, kept: dict[str, Any] | None = None, restored: bool = False, status: int = 200
) -> HttpResponse:
    newest = _newest_revisions()
    calls = {facts.slug: sorted(facts.calls) for facts in breakers.routes.known()}
    rows = []
    for route in operations.rows():
        last = newest.get(route.slug)
        goes_to = destinations.of(route)
        mine = (kept or {}).get("slug") == route.slug
        rows.append(
            {
                "route": route,
                "last": last,
                "revision": last.number if last else 0,
                "undoable": last is not None and last.number > 1,
                "kept": kept if mine else {},
                "goes_to": goes_to,
                "calls": [] if goes_to.kind == "target" else calls.get(route.slug, []),
                "wanted": (kept or {}).get("target") if mine else goes_to.value,
            }
        )
    context = {
        "rows": rows,
        "destinations": destinations.groups(),
        "may_configure": can(request.user, "configure", "route:"),
        "restored": restored,
    }
    return render(request, "compositions/routes.html", context, status=status)


def _patch(row: Route, posted: Any) -> dict[str, Any]:
    if posted.get("act") in ("enable", "disable"):
        return {"enabled": posted["act"] == "enable"}
    kind, slug = destinations.chosen(posted.get("target", ""))
    return {"integration": {"type": kind, kind: slug}}


def _words(patch: dict[str, Any]) -> str:
    if "enabled" in patch:
        return "enabled" if patch["enabled"] else "disabled"
    block = patch["integration"]
    return f"goes to {sentences.destination({'path': None, **block})} now"


def _expect(row: Route, expected: str) -> None:
    """Two operators at once: the second is told what the first did."""
    last = _newest_revisions(row.slug).get(row.slug)
    present = str(last.number if last else 0)
    if expected and expected != present:
        who = f"{last.by} changed it first" if last else "It was changed"
        why = f", because “{last.reason}”" if last and last.reason else ""
        raise Conflict(f"{who}{why}: it goes to {destinations.of(row).slug} now. Nothing was changed; look again.")


def _newest_revisions(slug: str | None = None) -> dict[str, Revision]:
    found = Revision.objects.filter(kind="route", **({"slug": slug} if slug else {})).order_by("number")
    return {revision.slug: revision for revision in found}


def _before(slug: str) -> Revision | None:
    """The revision before the newest one, if it was a route and not a deletion."""
    last = list(Revision.objects.filter(kind="route", slug=slug).order_by("-number")[:2])
    return last[1] if len(last) == 2 and last[1].body else None


def _said(problem: Problem) -> str:
    return " ".join([problem.detail or problem.title, *(found.message for found in problem.problems)])
