"""Request rules: their list and order, a rule's page, and making, changing, switching and deleting one."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from breakers.core import sentences
from breakers.documents import rules as documents
from breakers.documents.rules import RuleShape
from breakers.models import RequestRule, Stage
from breakers.operations import rules as operations
from breakers.panels import rule_order
from breakers.panels import rules as panels
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.config import commit
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import Conflict, NotFound, Problem

from . import changing, exporting
from .rule_forms import RuleForm
from .rule_previews import effects
from .rule_starts import STARTS

NOUN = changing.Noun(
    "rule",
    "rule",
    RuleForm,
    RuleShape,
    documents,
    operations,
    sentences.rule,
    effects,
    lambda row: [],
    "Requests that it held back pass within a second.",
    "breakers/rule_effects.html",
)
SWITCHES = {
    "block": "It refuses what it matches, from now on.",
    "challenge": "It asks for a proof of work, once per pass, from now on.",
    "count": "It only counts from now on; nothing is held back by it.",
}


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def rules(request: HttpRequest) -> HttpResponse:
    restored = restored_form(request)
    return _list(request, None if restored is None else _typed(restored.get("rule", ""), restored))


@require_safe
@login_required_keeping_form
@require("view")
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, with what the rules did, for a spreadsheet."""
    plain = ("priority", "slug", "title", "enabled", "stage", "action", "label")
    rated = ("limit", "window_s", "keys")
    head = (
        *plain, "conditions", *(f"rate_{name}" for name in rated),
        "matched_5_min", "matched_24_h", "would_have_blocked_24_h",
    )  # fmt: skip
    rows = (
        [
            *(each.document[name] for name in plain),
            each.row.sentence,
            *((each.document["rate"] or {}).get(name) for name in rated),
            each.row.matched_5_min if each.row.ok else None,
            each.row.matched_day if each.row.ok else None,
            each.row.last_day.get("counted", 0) if each.row.ok and each.document["action"] == "count" else None,
        ]
        for each in _wanted(request)
    )
    return exporting.table("rules", head, rows)


@require_POST
@never_cache
@login_required_keeping_form
@require("configure")
def arrange(request: HttpRequest, slug: str) -> HttpResponse:
    """One step up or down, another priority, on or off."""
    _find(slug)
    act = request.POST.get("act", "")
    reason = request.POST.get("reason", "").strip()[:500]
    try:
        with commit.locked():
            changing.expect(NOUN, slug, slug, request.POST.get("expected", ""))
            match act:
                case "up" | "down":
                    said = _move(request, slug, up=act == "up", reason=reason)
                case "enable" | "disable" | "priority":
                    if not reason:
                        raise Conflict("Say why: it is kept in the audit.")
                    wanted: dict[str, Any] = {"enabled": act == "enable"}
                    if act == "priority":
                        typed = request.POST.get("priority", "").strip()
                        wanted = {"priority": int(typed) if typed.isdecimal() else typed}
                    operations.patch(slug, wanted, by=principal_of(request), reason=reason)
                    done = {"enable": "is switched on", "disable": "is switched off: it matches nothing"}
                    said = f"{slug} {done.get(act, 'has another place')}. Front doors follow within a second."
                case _:
                    raise Conflict("There is no such act.")
    except Problem as problem:
        words = " ".join(found.message for found in problem.problems) or problem.detail or problem.title
        return _list(request, {**_typed(slug, request.POST), "refused": words}, status=problem.status)
    messages.success(request, said)
    filtered = f"?{request.GET.urlencode()}" if request.GET else ""
    return redirect(f"{reverse('rules')}{filtered}#rule-{slug}")


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def rule(request: HttpRequest, slug: str) -> HttpResponse:
    row = _find(slug)
    document = documents.document(row)
    context: dict[str, Any] = panels.live(slug, request.GET.get("span", ""))
    context["may_configure"] = can(request.user, "configure", f"rule:{slug}")
    if request.headers.get("HX-Request"):
        return render(request, "breakers/rule_live.html", context)
    tone, badge = panels.BADGES[document["action"]]
    context |= {"document": document, "sentence": sentences.rule(document), "tone": tone, "badge": badge}
    context["order"] = rule_order.neighbours(slug, document)
    return render(request, "breakers/rule.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def change(request: HttpRequest, slug: str) -> HttpResponse:
    present = NOUN.present(slug)["statement"]
    return changing.change(request, NOUN._replace(form=partial(RuleForm, present=present)), slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def new(request: HttpRequest) -> HttpResponse:
    """An empty rule, or one of the starting points."""
    _, begin = STARTS.get(request.GET.get("begin", ""), ("", {}))
    return changing.change(request, NOUN, None, like=begin)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def switch(request: HttpRequest, slug: str, to: str) -> HttpResponse:
    """From count to block and back: what it would do, then why, then a yes."""
    before = NOUN.present(slug)
    if to not in SWITCHES:
        raise Http404("A rule can be switched to block, challenge or count.")
    after, refused, status = {**before, "action": to}, "", 200
    posted = request.POST if request.method == "POST" else restored_form(request)
    if request.method == "POST":
        reason = request.POST.get("reason", "").strip()[:500]
        try:
            if not reason:
                raise Conflict("Say why: it is kept in the audit.")
            if "confirm" not in request.POST:
                raise Conflict("Confirm that you have read what happens.")
            with commit.locked():
                changing.expect(NOUN, slug, slug, request.POST.get("expected", ""))
                operations.patch(slug, {"action": to}, by=principal_of(request), reason=reason)
            messages.success(request, f"{SWITCHES[to]} Front doors follow within a second.")
            return redirect("rule", slug)
        except Problem as problem:
            refused, status = problem.detail or problem.title, problem.status
    context = {
        "slug": slug,
        "to": to,
        "posted": posted or {},
        "before": sentences.rule(before),
        "after": sentences.rule(after),
        "consequence": SWITCHES[to],
        "effects": effects(slug, before, after),
        # After a refusal the form carries what is true now: going on with it means having read it.
        "expected": commit.current_revision("rule", slug),
        "refused": refused,
        "same": before["action"] == to,
    }
    return render(request, "breakers/rule_switch.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    label = NOUN.present(slug)["label"]
    readers = [row.slug for row in operations.rows().exclude(slug=slug) if label and _asks_for(row.statement, label)]
    consequence = NOUN.consequence
    if readers:
        consequence += f" Its label {label}, for which {' and '.join(readers)} asks, is no longer put on."
    return changing.delete(request, NOUN._replace(consequence=consequence), slug)


def _list(request: HttpRequest, kept: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    rows = _wanted(request)
    wanted = {name: request.GET.get(name, "") for name in ("q", "stage", "action")}
    context = {
        "rows": rows,
        "all": not any(wanted.values()),
        "away": any(not each.row.ok for each in rows),
        "wanted": wanted,
        "query": request.GET.urlencode(),
        "stages": list(Stage.objects.values_list("slug", flat=True)),
        "actions": [*((name, words) for name, (_, words) in panels.BADGES.items()), ("off", "○ switched off")],
        "starts": [(name, words) for name, (words, _) in STARTS.items()],
        "kept": kept or {},
        "may_configure": can(request.user, "configure", "rule:"),
    }
    return render(request, "breakers/rules.html", context, status=status)


def _typed(slug: str, posted: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed into a row of the list."""
    return {"slug": slug, "reason": posted.get("reason", ""), "priority": posted.get("priority", "")}


def _wanted(request: HttpRequest) -> list[panels.Listed]:
    return panels.listed(*(request.GET.get(name, "") for name in ("q", "stage", "action")))


def _move(request: HttpRequest, slug: str, *, up: bool, reason: str) -> str:
    order = [(row.priority, row.slug) for row in operations.rows()]
    fresh = rule_order.moved(order, slug, up=up)
    why = reason or f"{slug} is asked one place {'earlier' if up else 'later'}"
    for name, priority in fresh.items():
        operations.patch(name, {"priority": priority}, by=principal_of(request), reason=why)
    others = "; to make room all rules were numbered anew" if len(fresh) > 1 else ""
    return f"{slug} is asked one place {'earlier' if up else 'later'}{others}."


def _asks_for(tree: Any, label: str) -> bool:
    if isinstance(tree, dict):
        return tree.get("label") == label or any(_asks_for(body, label) for body in tree.values())
    return isinstance(tree, list) and any(_asks_for(body, label) for body in tree)


def _find(slug: str) -> RequestRule:
    try:
        return operations.find(slug)
    except NotFound as problem:
        raise Http404(problem.detail) from None
