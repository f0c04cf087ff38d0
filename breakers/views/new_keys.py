"""From nothing to a working key: consumer, plan and key in one form, the key shown once, a curl line and a try.

The key stands in one answer, which no cache keeps; the try posts it back from there. Sending the form twice makes one
key: the form has reserved its id.
"""

import re
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from breakers import trying
from breakers.core import api_keys, sentences
from breakers.documents.plans import document as plan_document
from breakers.models import ApiKey, Consumer, UsagePlan
from breakers.models.fields import SLUG
from breakers.operations import consumers, keys, plans
from breakers.operations.key_import import import_csv
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.config.commit import locked
from controlplane.kernel.access import Principal, principal_of, require
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound, Problem

from .key_forms import NEW, NONE, ImportForm, NewKeyForm, show

REASON = "first key"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        kept = restored_form(request)
        begin = {name: request.GET[name] for name in ("consumer", "plan") if name in request.GET}
        form = NewKeyForm(kept) if kept is not None else NewKeyForm(initial=begin)
        return _form(request, form, restored=kept is not None)
    form = NewKeyForm(request.POST)
    if not form.is_valid():
        return _form(request, form, status=400)
    try:
        row, secret = _make(form, principal_of(request))
    except Conflict as problem:
        known = ApiKey.objects.filter(pk=form.cleaned_data["key_id"]).first()
        if known is not None:
            messages.info(request, "This key was made already and shown then. If it is lost, rotate it.")
            return redirect("key", known.pk)
        show(form, problem)
        return _form(request, form, status=problem.status)
    except Problem as problem:
        show(form, problem, {"key": "secret", "expires_at": "life", "plans": "plan"})
        return _form(request, form, status=problem.status)
    return made(request, row, secret)


@require_POST
@never_cache
@login_required_keeping_form
@require("configure")
def attempt(request: HttpRequest, id: str) -> HttpResponse:
    """Send one request with the key that the page still shows."""
    secret, path = request.POST.get("secret", ""), request.POST.get("path", "").strip()
    row = _find(id)
    if api_keys.digest(secret) != row.hash:
        messages.error(request, "The key is not on this page any more. If it is lost, rotate it.")
        return redirect("key", id)
    where = _place(row, request.POST.get("place", ""))
    if where is not None and path in ("", request.POST.get("default", "")):
        path = where.path  # another route was chosen; the path was nobody's wish
    tried: dict[str, Any] = {"path": path or "/"}
    try:
        tried["answer"] = trying.call(path or "/", secret, host=where.host if where else "")
    except Problem as problem:
        tried["refused"] = " ".join(found.message for found in problem.problems) or problem.detail
    except OSError as error:
        tried["refused"] = f"The front door does not answer at {trying.front_door(_host(request))}: {error}."
    return made(request, row, secret, tried=tried, place=where)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def import_keys(request: HttpRequest) -> HttpResponse:
    """A dry run first, with every problem by line; then all of the file or nothing."""
    context: dict[str, Any] = {"plans": UsagePlan.objects.all(), "reason": request.POST.get("reason", "")}
    if request.method != "POST":
        return render(request, "breakers/key_import.html", context | {"form": ImportForm()})
    form = ImportForm(request.POST, request.FILES)
    mapping = {
        name.removeprefix("plan-for:"): str(slug)
        for name, slug in request.POST.items()
        if name.startswith("plan-for:") and slug
    }
    context |= {"form": form, "mapping": mapping}
    if not form.is_valid():
        return render(request, "breakers/key_import.html", context, status=400)
    text, really = form.cleaned_data["text"], request.POST.get("act") == "import"
    context["text"] = text
    try:
        report = import_csv(
            text,
            dry_run=not really,
            by=principal_of(request),
            reason=context["reason"],
            consumer=form.cleaned_data["consumer"] or None,
            plans=mapping,
        )
    except Problem as problem:
        show(form, problem)
        return render(request, "breakers/key_import.html", context, status=problem.status)
    if really and not report.problems:
        messages.success(request, f"{len(report.ids)} keys are imported. Front doors know them within a second.")
        return redirect("keys")
    context |= {"report": report, "really": really, "wanted_plans": sorted({*report.unknown_plans, *mapping})}
    return render(request, "breakers/key_import.html", context, status=400 if really else 200)


def made(
    request: HttpRequest,
    row: ApiKey,
    secret: str,
    *,
    old: ApiKey | None = None,
    tried: dict[str, Any] | None = None,
    place: trying.Place | None = None,
) -> HttpResponse:
    """The one page that shows a key."""
    places = _places(row)
    place = place or (places[0] if places else None)
    path = (tried or {}).get("path") or (place.path if place else "/")
    host = _host(request)
    context = {
        "key": row,
        "secret": secret,
        "old": old,
        "places": places,
        "place": place,
        "path": path,
        "curl": trying.curl(place, secret, host=host, path=path if trying.PATH.match(path) else "/"),
        "tried": tried,
        "front_door": trying.front_door(host),
    }
    template = "breakers/key_tried.html" if request.headers.get("HX-Request") else "breakers/key_made.html"
    answer = render(request, template, context)
    answer["Cache-Control"] = "no-store"
    return answer


def _make(form: NewKeyForm, by: Principal) -> tuple[ApiKey, str]:
    """Consumer, plan and key, all of them or none."""
    given = form.cleaned_data
    with locked():
        if ApiKey.objects.filter(pk=given["key_id"]).exists():
            raise Conflict("This key was made already.")
        slug = given["consumer"]
        if not slug:
            slug = _free(given["name"], "name", set(Consumer.objects.values_list("slug", flat=True)), "consumer")
            consumers.put(slug, {"title": given["name"].strip(), "contact": given["contact"]}, by=by, reason=REASON)
        wanted = [] if given["plan"] == NONE else [given["plan"]]
        if given["plan"] == NEW:
            plan = _free(given["plan_name"], "plan_name", set(UsagePlan.objects.values_list("slug", flat=True)), "plan")
            plans.put(plan, form.plan_document(), by=by, reason=REASON)
            wanted = [plan]
        return keys.create(slug, form.key_document(wanted), by=by, reason=REASON, key_id=given["key_id"])


def _free(name: str, field: str, taken: set[str], noun: str) -> str:
    """A slug made of a name. Raises Invalid when there is one already: that one may be meant."""
    slug = slugify(name).replace("_", "-")[:63].strip("-")
    if not re.match(SLUG, slug):
        raise Invalid("No slug.", problems=[FieldProblem(field, "invalid", "Use letters or digits in the name.")])
    if slug in taken:
        text = f"There is a {noun} {slug} already: choose it above, or take another name."
        raise Invalid("The name is taken.", problems=[FieldProblem(field, "taken", text)])
    return slug


def _form(request: HttpRequest, form: NewKeyForm, *, restored: bool = False, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "plans": [(plan, sentences.plan(plan_document(plan))) for plan in form.plans],
        "restored": restored,
        "chosen": form["plan"].value(),
        "back": reverse("consumers"),
    }
    return render(request, "breakers/key_new.html", context, status=status)


def _places(row: ApiKey) -> list[trying.Place]:
    """Where the key can be tried: in the stages of its plans; without a plan, anywhere."""
    stages = {stage.slug for plan in row.plans.prefetch_related("stages") for stage in plan.stages.all()}
    return trying.places(stages)


def _place(row: ApiKey, slug: str) -> trying.Place | None:
    places = _places(row)
    return next((place for place in places if place.slug == slug), places[0] if places else None)


def _host(request: HttpRequest) -> str:
    return request.get_host().rpartition(":")[0] or request.get_host()


def _find(id: str) -> ApiKey:
    try:
        return keys.find(id)
    except NotFound as problem:
        raise Http404(problem.detail) from None
