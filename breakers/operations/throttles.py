"""Making, changing and removing throttles."""

from typing import Any

from django.db.models import QuerySet

from breakers import routes
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.throttles import ThrottleShape, complete, document
from breakers.models import Stage, Throttle
from controlplane.config.commit import change
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid, NotFound


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Throttle, bool]:
    """Make the throttle `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(ThrottleShape, slug, data)
    with change(by=by, action="throttle.put", subject=f"throttle:{slug}", reason=reason) as made:
        row = rows().filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Throttle(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Throttle:
    """Lay `data` over the throttle's document (RFC 7396)."""
    with change(by=by, action="throttle.patch", subject=f"throttle:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(ThrottleShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    with change(by=by, action="throttle.delete", subject=f"throttle:{slug}", reason=reason) as made:
        row = find(slug)
        made.note(document(row), None)
        row.delete()


def rows() -> QuerySet[Throttle]:
    return Throttle.objects.select_related("stage")


def find(slug: str) -> Throttle:
    row = rows().filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no throttle {slug!r}.")
    return row


def check(slug: str, stated: Document) -> Stage | None:
    """The stage that is named. Raises Invalid when it or the route does not exist, or another throttle covers this."""
    whole = complete(slug, stated)
    problems = []
    stage = Stage.objects.filter(slug=whole["stage"]).first()
    if whole["stage"] is not None and stage is None:
        text = f"There is no stage {whole['stage']!r}; open it first."
        problems.append(FieldProblem("stage", "unknown", text))
    if whole["route"] is not None and whole["route"] not in {facts.slug for facts in routes.known()}:
        text = f"There is no route {whole['route']!r}; make it first."
        problems.append(FieldProblem("route", "unknown", text))
    if problems:
        raise Invalid("The throttle names what does not exist.", problems=problems)
    place = {"scope": whole["scope"], "route": whole["route"] or "", "method": whole["method"] or "", "stage": stage}
    twin = Throttle.objects.filter(**place).exclude(slug=slug).first()
    if twin is not None:
        text = f"Throttle {twin.slug} covers exactly this already; change that one, or name another place."
        raise Invalid("Two throttles cover the same.", problems=[FieldProblem("scope", "duplicate", text)])
    return stage


def _write(row: Throttle, stated: Document) -> Throttle:
    row.stage = check(row.slug, stated)
    whole = complete(row.slug, stated)
    for name in ("title", "scope", "rate", "burst", "on_store_error"):
        setattr(row, name, whole[name])
    row.route, row.method = whole["route"] or "", whole["method"] or ""
    row.save()
    return row
