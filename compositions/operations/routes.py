"""Making, changing and removing routes of the front door."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet

from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.models import PlanOverride, Target, Throttle
from breakers.operations.stages import chosen
from compositions.documents import authorizers
from compositions.documents.routes import RouteShape, complete, document, likeness
from compositions.models import Composition, Pipe, Route
from compositions.models.compositions import WorkflowType
from controlplane.config.commit import change
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Route, bool]:
    """Make the route `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(RouteShape, slug, data)
    with change(by=by, action="route.put", subject=f"route:{slug}", reason=reason) as made:
        row = rows().filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Route(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Route:
    """Lay `data` over the route's document (RFC 7396)."""
    with change(by=by, action="route.patch", subject=f"route:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(RouteShape, slug, merged(row, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Remove a route that no limit names. Raises Conflict that says which do."""
    with change(by=by, action="route.delete", subject=f"route:{slug}", reason=reason) as made:
        row = find(slug)
        users = used_by(slug)
        if users:
            names = ", ".join(f"{user['kind']} {user['slug']}" for user in users)
            text = f"Route {slug} is named by {names}. Take it out of them or delete them first."
            raise Conflict(text, used_by=users)
        made.note(document(row), None)
        row.delete()


def merged(row: Route, patch: Any) -> Any:
    """A patch laid over the row's document; an integration of another type has nothing left of the one before."""
    before = document(row)
    block = patch.get("integration") if isinstance(patch, dict) else None
    if isinstance(block, dict) and block.get("type", row.integration_type) != row.integration_type:
        before["integration"] = {}
    return checking.merged(before, patch)


def rows() -> QuerySet[Route]:
    """Routes with everything that their documents are made of, in two queries however many there are."""
    return Route.objects.select_related("target", "composition", "pipe").prefetch_related("stages")


def find(slug: str) -> Route:
    row = rows().filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no route {slug!r}.")
    return row


def used_by(slug: str) -> list[dict[str, str]]:
    """The nouns that name a route: [{"kind", "slug"}]."""
    plans = PlanOverride.objects.filter(route=slug).order_by("plan__slug").values_list("plan__slug", flat=True)
    found = [("plan", plan) for plan in plans.distinct()]
    found += [("throttle", throttle) for throttle in Throttle.objects.filter(route=slug).values_list("slug", flat=True)]
    return [{"kind": kind, "slug": name} for kind, name in found]


def check(slug: str, stated: Document) -> dict[str, Model]:
    """The noun that a route goes to, by the column that names it.

    Raises Invalid when there is none, or when another route takes its requests.
    """
    whole = complete(slug, stated)
    block = whole["integration"]
    noun = DESTINATIONS[block["type"]](block[block["type"]])
    chosen(list(stated.get("stages") or whole["stages"]), "stages")
    twin = _twin(whole) if whole["enabled"] else None
    if twin is not None:
        shared = ", ".join(sorted({stage.slug for stage in twin.stages.all()} & set(whole["stages"])))
        text = (
            f"Route {twin.slug} takes the same requests in stage {shared} at the same priority; change one of the two, "
            "or disable it."
        )
        raise Invalid("Two routes are identical.", problems=[FieldProblem("path", "duplicate", text)])
    return {block["type"]: noun}


def _target(slug: str) -> Target:
    found = Target.objects.filter(slug=slug).first()
    if found is None:
        raise _unfit("target", "unknown", f"There is no target {slug!r}; register it first.")
    return found


def _composition(slug: str) -> Composition:
    found = Composition.objects.filter(slug=slug).first()
    if found is None:
        raise _unfit("composition", "unknown", f"There is no composition {slug!r}; make it first.")
    if found.type != WorkflowType.EXPRESS:
        text = f"Composition {slug} is STANDARD, which does not answer at once. Name one that is EXPRESS."
        raise _unfit("composition", "not_express", text)
    return found


def _pipe(slug: str) -> Pipe:
    found = Pipe.objects.filter(slug=slug).first()
    if found is None:
        raise _unfit("pipe", "unknown", f"There is no pipe {slug!r}; make it first.")
    return found


# type of an integration -> the row that a slug names. Raises Invalid when it cannot stand behind a route.
DESTINATIONS: dict[str, Callable[[str], Model]] = {"target": _target, "composition": _composition, "pipe": _pipe}


def _unfit(field: str, code: str, text: str) -> Invalid:
    return Invalid(f"The route cannot go to this {field}.", problems=[FieldProblem(f"integration.{field}", code, text)])


def _twin(whole: Document) -> Route | None:
    """The enabled route that takes the same requests of the same stage at the same priority."""
    methods, shape = set(whole["methods"]), likeness(whole["path"])
    others = Route.objects.filter(enabled=True, priority=whole["priority"], stages__slug__in=whole["stages"])
    others = others.exclude(slug=whole["slug"]).distinct().prefetch_related("stages")
    return next((other for other in others if methods & set(other.methods) and likeness(other.path) == shape), None)


def _write(row: Route, stated: Document) -> Route:
    destination = check(row.slug, stated)
    whole = complete(row.slug, stated)
    for column in DESTINATIONS:
        setattr(row, column, destination.get(column))
    for name in ("title", "tags", "methods", "path", "priority", "enabled", "api_key_required"):
        setattr(row, name, whole[name])
    row.integration_type = whole["integration"]["type"]
    row.integration_path = whole["integration"].get("path") or ""
    authorizers.write(row, whole["authorizer"])
    for name, value in whole["cache"].items():
        setattr(row, f"cache_{name}", value)
    row.save()
    row.stages.set(chosen(whole["stages"], "stages"))
    return find(row.slug)
