"""Where the back office's nouns are shown elsewhere: their pages, and the forms of what refers to them."""

from typing import Any

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from controlplane.kernel.backoffice import said
from controlplane.kernel.errors import Conflict

# Kind -> what the link says, and the name of the page that takes the slug. A plural names the list.
PAGES = {
    "target": ("View on board", "circuit"),
    "targets": ("Board", "board"),
    "action": ("Actions on one page", "actions"),
    "actions": ("Actions", "actions"),
    "journey": ("View journey", "journey"),
    "journeys": ("Journeys", "journeys"),
    "route": ("Routes on one page", "routes"),
    "routes": ("Routes", "routes"),
    "composition": ("View composition", "composition"),
    "compositions": ("Compositions", "compositions"),
    "pipe": ("View pipe", "pipe"),
    "pipes": ("Pipes", "pipes"),
    "execution": ("View execution", "execution"),
    "task": ("View task", "task"),
    "stage": ("View stage", "stage"),
    "stages": ("Stages", "stages"),
    "plan": ("View plan", "plan"),
    "plans": ("Plans", "plans"),
    "consumer": ("View consumer", "consumer"),
    "consumers": ("Consumers", "consumers"),
    "key": ("View key", "key"),
    "keys": ("Keys", "keys"),
    "throttle": ("View throttle", "throttle"),
    "throttles": ("Throttles", "throttles"),
    "rule": ("View rule", "rule"),
    "rules": ("Rules", "rules"),
    "request-rule": ("View rule", "rule"),
    "request-rules": ("Rules", "rules"),
}


def page_of(kind: str, name: str | None) -> tuple[str, str]:
    """Label and address of the noun's own page; an empty address when it has none."""
    label, view = PAGES.get(kind, ("", ""))
    for args in ([name] if name else [], []):
        try:
            return label, reverse(view, args=args) if view else ""
        except NoReverseMatch:
            continue
    return "", ""


def form_of(kind: str, name: str) -> str:
    """Address of the form of a noun that is named by kind and slug; empty when there is none."""
    for model, model_admin in admin.site._registry.items():
        if getattr(model_admin, "kind", None) in (kind, kind.rpartition("-")[2]):
            row = model._default_manager.filter(**{model_admin.name_field: name}).first()  # type: ignore[attr-defined]
            if row is not None:
                return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
    return ""


def used_by_links(conflict: Conflict, of: Any = None) -> list[Any]:
    """What stands in the way, each with a link to its form; the refusal itself when it names nothing."""
    users = conflict.extra.get("used_by") or []
    if not users:
        return [said(conflict)]
    lead = f"{of} by " if of is not None else ""
    found = []
    for user in users:
        words = f"{user['kind'].replace('-', ' ')} {user.get('title') or user['slug']}"
        address = form_of(user["kind"], user["slug"])
        found.append(format_html("{}<a href='{}'>{}</a>", lead, address, words) if address else f"{lead}{words}")
    return found
