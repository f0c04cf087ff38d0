"""Making, changing and removing request rules."""

from typing import Any

from django.db.models import QuerySet

from breakers.core import statements
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.rules import RuleShape, complete, document
from breakers.models import RequestRule, Stage
from breakers.models.rules import RuleWindow
from controlplane.config.commit import change
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid, NotFound


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[RequestRule, bool]:
    """Make the rule `slug` what `data` says; the row, and whether it is new."""
    whole = check(slug, data)
    with change(by=by, action="rule.put", subject=f"rule:{slug}", reason=reason) as made:
        row = rows().filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or RequestRule(slug=slug), whole)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> RequestRule:
    """Lay `data` over the rule's document (RFC 7396)."""
    with change(by=by, action="rule.patch", subject=f"rule:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, check(slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    with change(by=by, action="rule.delete", subject=f"rule:{slug}", reason=reason) as made:
        row = find(slug)
        made.note(document(row), None)
        row.delete()


def rows() -> QuerySet[RequestRule]:
    return RequestRule.objects.select_related("stage")


def find(slug: str) -> RequestRule:
    row = rows().filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no request rule {slug!r}.")
    return row


def check(slug: str, data: Any) -> Document:
    """The whole document of what `data` states. Raises Invalid with everything that is wrong with it."""
    whole = complete(slug, checking.shaped(RuleShape, slug, data))
    found = [FieldProblem(fault.path, fault.code, fault.text) for fault in statements.problems(whole["statement"])]
    if whole["stage"] is not None and not Stage.objects.filter(slug=whole["stage"]).exists():
        found.append(FieldProblem("stage", "unknown", f"There is no stage {whole['stage']!r}; open it first."))
    if found:
        raise Invalid("The rule cannot be used as it is.", problems=found)
    return whole


def _write(row: RequestRule, whole: Document) -> RequestRule:
    for name in ("title", "priority", "enabled", "statement", "label", "action"):
        setattr(row, name, whole[name])
    row.stage = None if whole["stage"] is None else Stage.objects.get(slug=whole["stage"])
    rate, answer = whole["rate"] or {}, whole["answer"] or {}
    row.rate_limit = rate.get("limit")
    row.rate_window_s = rate.get("window_s", RuleWindow.FIVE_MINUTES)
    row.rate_keys = rate.get("keys", [])
    row.answer_status = answer.get("status")
    row.answer_body = answer.get("body", "")
    row.answer_content_type = answer.get("content_type", "")
    row.save()
    return row
