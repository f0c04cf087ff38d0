"""Changing a noun in two steps: the form, then a preview of what the change does, which asks why and saves.

Nothing typed is lost on the way: the preview carries the fields along, a refusal brings the form back as it was, and
whoever is the second of two admins is told what the first one changed.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject

from breakers.capacity import findings
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.panels.differences import Changed, changes
from breakers.panels.findings import Shown, address, shown
from controlplane.access.forms import restored_form
from controlplane.config import commit, reading
from controlplane.config.models import Revision
from controlplane.kernel.access import can, principal_of
from controlplane.kernel.errors import Conflict, NotFound, Problem
from controlplane.kernel.rest import StrictSerializer

from .limit_forms import NounForm, as_hidden, initial


class Noun(NamedTuple):
    """What the steps need to know of a kind of noun.

    `documents` has `document(row)` and `complete(slug, stated)`, `operations` has `find`, `check`, `put` and `delete`;
    `preview(slug, before, after)` gives the preview's template what the change does.
    """

    kind: str
    name: str
    form: Callable[..., NounForm]
    shape: type[StrictSerializer]
    documents: ModuleType
    operations: ModuleType
    sentence: Callable[[Document], str]
    preview: Callable[[str, Document | None, Document], dict[str, Any]]
    used_by: Callable[[Any], list[dict[str, str]]]
    consequence: str
    effects: str = "breakers/effects.html"
    folder: str = "breakers"
    preview_page: str = "breakers/change_preview.html"
    changed: Callable[[Document, Document], list[Changed]] = changes

    @property
    def page(self) -> str:
        """Name of the list's address."""
        return f"{self.kind}s"

    @property
    def form_template(self) -> str:
        return f"{self.folder}/{self.kind}_form.html"

    def present(self, slug: str) -> Document:
        """The noun's document as it is now. Raises Http404."""
        try:
            return dict(self.documents.document(self.operations.find(slug)))
        except NotFound as problem:
            raise Http404(problem.detail) from None

    def judged(self, slug: str, data: Document) -> Document:
        """The whole document after the change. Raises Invalid with every field at fault."""
        stated = checking.shaped(self.shape, slug, data)
        self.operations.check(slug, stated)
        return dict(self.documents.complete(slug, stated))


def change(request: HttpRequest, noun: Noun, slug: str | None, *, like: Document | None = None) -> HttpResponse:
    """The form of the noun `slug`, or of a new one (None); `like` is what a new one begins with."""
    if request.method == "POST" and not can(request.user, "configure", f"{noun.kind}:{slug or ''}"):
        raise PermissionDenied("Your role does not include the act “configure”.")
    before = noun.present(slug) if slug else None
    if request.method != "POST":
        kept = restored_form(request)
        if kept is not None:
            return _form(request, noun, slug, noun.form(kept, new=slug is None), restored=True)
        begin = initial(noun.kind, before or like or {}) if before or like else {}
        form = noun.form(initial={**begin, "expected": _revision(noun, slug)}, new=slug is None)
        return _form(request, noun, slug, form)
    form, act = noun.form(request.POST, new=slug is None), request.POST.get("act", "preview")
    if form.rearrange(act) or act == "edit":
        return _form(request, noun, slug, form)
    if not form.is_valid():
        return _form(request, noun, slug, form, status=400)
    wanted = slug or form.cleaned_data["slug"]
    try:
        if act == "save":
            return _save(request, noun, slug, wanted, form)
        expect(noun, slug, wanted, form.cleaned_data["expected"])
        return _preview(request, noun, slug, wanted, before, noun.judged(wanted, form.to_document()))
    except Taken as problem:
        form.add_error("slug", problem.detail)
        return _form(request, noun, slug, form, status=409)
    except Overtaken as problem:
        return _form(request, noun, slug, form, status=409, overtaken=problem)
    except Problem as problem:
        form.show(problem)
        return _form(request, noun, slug, form, status=problem.status)


def delete(request: HttpRequest, noun: Noun, slug: str) -> HttpResponse:
    """What refers to the noun, and, when nothing does, a button that asks why."""
    present = noun.present(slug)
    row = noun.operations.find(slug)
    reason, refused, status = "", "", 200
    if request.method == "POST":
        reason = request.POST.get("reason", "").strip()[:500]
        try:
            if not reason:
                raise Conflict("Say why: it is kept in the audit.")
            with commit.locked():
                expect(noun, slug, slug, request.POST.get("expected", ""))
                noun.operations.delete(slug, by=principal_of(request), reason=reason)
            messages.success(request, f"{noun.name.capitalize()} {slug} is deleted.")
            return redirect(noun.page)
        except Problem as problem:
            refused, status = problem.detail or problem.title, problem.status
    elif (kept := restored_form(request)) is not None:
        reason = kept.get("reason", "")
    context = {
        "noun": noun,
        "slug": slug,
        "row": row,
        "sentence": noun.sentence(present),
        "consequence": noun.consequence,
        "used_by": [{**user, "href": address(user["kind"], user["slug"])} for user in noun.used_by(row)],
        "expected": _revision(noun, slug),
        "reason": reason,
        "refused": refused,
    }
    return render(request, "breakers/noun_delete.html", context, status=status)


def begin(request: HttpRequest, noun: Noun, like: Document) -> HttpResponse:
    """The form of a new noun that begins with `like`, as the answer to a POST of what it is made from."""
    form = noun.form(initial={**initial(noun.kind, like), "expected": 0}, new=True)
    return _form(request, noun, None, form)


class Taken(Conflict):
    """A new noun cannot have the name of another one."""


class Overtaken(Conflict):
    """Somebody changed the noun since it was looked at; `changed` says what."""

    def __init__(self, detail: str, changed: list[Changed]) -> None:
        super().__init__(detail)
        self.changed = changed


def _save(request: HttpRequest, noun: Noun, slug: str | None, wanted: str, form: NounForm) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()[:500]
    data = form.to_document()
    if not reason:
        before = noun.present(wanted) if slug else None
        missing = "Say why: it is kept in the audit."
        return _preview(request, noun, slug, wanted, before, noun.judged(wanted, data), refused=missing)
    with commit.locked():
        expect(noun, slug, wanted, form.cleaned_data["expected"])
        noun.operations.put(wanted, data, by=principal_of(request), reason=reason)
    version = reading.present()[0]
    messages.success(
        request,
        f"{noun.name.capitalize()} {wanted} is saved as configuration {version}. Front doors follow within a second.",
    )
    return redirect(noun.kind, wanted)


def _preview(
    request: HttpRequest,
    noun: Noun,
    slug: str | None,
    wanted: str,
    before: Document | None,
    after: Document,
    refused: str = "",
) -> HttpResponse:
    context = {
        "noun": noun,
        "slug": slug,
        "wanted": wanted,
        "changed": noun.changed(before, after) if before is not None else [],
        "before": noun.sentence(before) if before is not None else "",
        "after": noun.sentence(after),
        "hidden": as_hidden(request.POST),
        "reason": request.POST.get("reason", ""),
        "refused": refused,
        "effects": noun.preview(wanted, before, after),
    }
    return render(request, noun.preview_page, context, status=400 if refused else 200)


def _form(
    request: HttpRequest,
    noun: Noun,
    slug: str | None,
    form: NounForm,
    *,
    status: int = 200,
    overtaken: Overtaken | None = None,
    restored: bool = False,
) -> HttpResponse:
    expected = form["expected"].value()
    if overtaken is not None:
        # The form carries what is true now: going on with it means having read what was changed.
        expected = str(_revision(noun, slug))
    context = {
        "noun": noun,
        "slug": slug,
        "form": form,
        "expected": expected,
        "overtaken": overtaken,
        "restored": restored,
        "may_configure": can(request.user, "configure", f"{noun.kind}:{slug or ''}"),
        "sentence": noun.sentence(noun.present(slug)) if slug else "",
        # Only forms that are the noun's page show them.
        "findings": SimpleLazyObject(lambda: _concerning(noun.kind, slug)),
        **form.choices(),
    }
    return render(request, noun.form_template, context, status=status)


def _concerning(kind: str, slug: str | None) -> list[Shown]:
    return shown(found for found in findings() if found.touches(kind, slug)) if slug else []


def expect(noun: Noun, slug: str | None, wanted: str, expected: str) -> None:
    """Two admins at once: the second is told what the first did."""
    last = Revision.objects.filter(kind=noun.kind, slug=wanted).order_by("-number").first()
    if slug is None:
        if (last is not None and last.body is not None) or _exists(noun, wanted):
            raise Taken(f"There is a {noun.name} {wanted} already; choose another name, or change that one.")
        return
    present = last.number if last else 0
    if not expected or expected == str(present):
        return
    seen = Revision.objects.filter(kind=noun.kind, slug=wanted, number=int(expected) if expected.isdecimal() else 0)
    before = seen.values_list("body", flat=True).first()
    who = f"{last.by} changed it first" if last else "It was changed"
    why = f", because “{last.reason}”" if last and last.reason else ""
    changed = noun.changed(before, last.body) if before and last and last.body else []
    raise Overtaken(f"{who}{why}. Nothing was saved.", changed)


def _exists(noun: Noun, slug: str) -> bool:
    try:
        noun.operations.find(slug)
    except NotFound:
        return False
    return True


def _revision(noun: Noun, slug: str | None) -> int:
    return commit.current_revision(noun.kind, slug) if slug else 0
