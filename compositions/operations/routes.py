"""Making, changing and removing routes of the front door."""

from typing import Any

from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.models import Target
from compositions.documents.routes import RouteShape, document, likeness
from compositions.models import Route
from controlplane.config.commit import change
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid, NotFound


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Route, bool]:
    """Make the route `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(RouteShape, slug, data)
    with change(by=by, action="route.put", subject=f"route:{slug}", reason=reason) as made:
        row = Route.objects.select_related("target").filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Route(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Route:
    """Lay `data` over the route's document (RFC 7396)."""
    with change(by=by, action="route.patch", subject=f"route:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(RouteShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    with change(by=by, action="route.delete", subject=f"route:{slug}", reason=reason) as made:
        row = find(slug)
        made.note(document(row), None)
        row.delete()


def find(slug: str) -> Route:
    row = Route.objects.select_related("target").filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no route {slug!r}.")
    return row


def check(slug: str, stated: Document) -> Target:
    """The target that a route goes to. Raises Invalid when there is none, or when another route takes its requests."""
    wanted = stated["integration"]["target"]
    target = Target.objects.filter(slug=wanted).first()
    if target is None:
        text = f"There is no target {wanted!r}; register it first."
        raise Invalid("The target is not registered.", problems=[FieldProblem("integration.target", "unknown", text)])
    twin = _twin(slug, stated) if stated.get("enabled", True) else None
    if twin is not None:
        text = f"Route {twin.slug} takes the same requests at the same priority; change one of the two, or disable it."
        raise Invalid("Two routes are identical.", problems=[FieldProblem("path", "duplicate", text)])
    return target


def _twin(slug: str, stated: Document) -> Route | None:
    methods, shape = set(stated.get("methods", ["GET"])), likeness(stated["path"])
    others = Route.objects.filter(enabled=True, priority=stated.get("priority", 100)).exclude(slug=slug)
    return next((other for other in others if methods & set(other.methods) and likeness(other.path) == shape), None)


def _write(row: Route, stated: Document) -> Route:
    cache = stated.get("cache") or {}
    row.target = check(row.slug, stated)
    row.title = stated.get("title", "")
    row.methods = stated.get("methods", ["GET"])
    row.path = stated["path"]
    row.priority = stated.get("priority", 100)
    row.enabled = stated.get("enabled", True)
    row.integration_type = stated["integration"]["type"]
    row.integration_path = stated["integration"].get("path") or ""
    row.cache_ttl_s = cache.get("ttl_s", 0)
    row.cache_vary_headers = cache.get("vary_headers", [])
    row.cache_vary_query = cache.get("vary_query")
    row.save()
    return row
