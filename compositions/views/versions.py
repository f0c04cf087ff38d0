"""Versions of a composition: what one was, what differs between two, and letting an earlier one stand again."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from breakers.views import changing
from compositions import texts
from compositions.models import CompositionVersion
from compositions.operations import compositions as operations
from compositions.panels.pictures import Picture, picture
from compositions.panels.text_diffs import diff
from compositions.versions import compare
from controlplane.access.forms import login_required_keeping_form
from controlplane.config import commit
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import Conflict, Problem

from .authoring import NOUN
from .compositions import found


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def versions(request: HttpRequest, slug: str) -> HttpResponse:
    """All versions, and the difference of the two that `?old=` and `?new=` name; by default the last change."""
    return _page(request, slug)


@require_POST
@never_cache
@login_required_keeping_form
@require("configure")
def rollback(request: HttpRequest, slug: str) -> HttpResponse:
    """The definition of an earlier version stands again, as a new version."""
    row = found(slug)
    number, reason = request.POST.get("version", ""), request.POST.get("reason", "").strip()[:500]
    try:
        if not reason:
            raise Conflict("Say why: it is kept in the audit.")
        with commit.locked():
            changing.expect(NOUN, slug, slug, request.POST.get("expected", ""))
            saved = operations.rollback(
                slug, int(number) if number.isdecimal() else 0, by=principal_of(request), reason=reason
            )
    except Problem as problem:
        words = " ".join([problem.detail or problem.title, *(each.message for each in problem.problems[:3])])
        return _page(request, slug, refused=words, reason=reason, status=problem.status)
    messages.success(
        request, f"{row}: the definition of version {number} stands again, as version {saved.version}. "
        "Front doors follow within a second.",
    )  # fmt: skip
    return redirect("composition", slug)


def _page(request: HttpRequest, slug: str, *, refused: str = "", reason: str = "", status: int = 200) -> HttpResponse:
    row = found(slug)
    rows = list(CompositionVersion.objects.filter(composition=slug))
    asked = request.GET if request.method == "GET" else request.POST
    new = _version(rows, asked.get("new", ""), row.version)
    older = [version for version in rows if version.number < new.number]
    old = _version(rows, asked.get("old", ""), older[0].number if older else new.number)
    context = {
        "composition": row,
        "rows": rows,
        "old": old,
        "new": new,
        "diff": diff(old.definition, new.definition),
        "compared": compare(old.definition, new.definition),
        "picture": _picture(new),
        "expected": commit.current_revision("composition", slug),
        "refused": refused,
        "reason": reason,
        "may_configure": can(request.user, "configure", f"composition:{slug}"),
    }
    return render(request, "compositions/versions.html", context, status=status)


def _version(rows: list[CompositionVersion], asked: str, otherwise: int) -> CompositionVersion:
    number = int(asked) if asked.isdecimal() else otherwise
    version = next((row for row in rows if row.number == number), None)
    if version is None:
        raise Http404(f"There is no version {number}.")
    return version


def _picture(version: CompositionVersion) -> Picture:
    return picture(texts.read(version.definition), title=f"Diagram of {version}", link=lambda path: "#diff")
