"""Opening, changing and closing entrances to the front door."""

from typing import Any

from breakers import routes
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.stages import MAIN, StageShape, complete, document
from breakers.models import Stage
from controlplane.config.commit import change
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Stage, bool]:
    """Make the stage `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(StageShape, slug, data)
    with change(by=by, action="stage.put", subject=f"stage:{slug}", reason=reason) as made:
        row = Stage.objects.filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Stage(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Stage:
    """Lay `data` over the stage's document (RFC 7396)."""
    with change(by=by, action="stage.patch", subject=f"stage:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(StageShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Close a stage that nothing refers to. Raises Conflict that names what does."""
    with change(by=by, action="stage.delete", subject=f"stage:{slug}", reason=reason) as made:
        row = find(slug)
        if slug == MAIN:
            raise Conflict("Stage main stays: routes and plans that name no stage enter there.")
        users = used_by(row)
        if users:
            names = ", ".join(f"{user['kind']} {user['slug']}" for user in users)
            raise Conflict(f"Stage {slug} is used by {names}. Take it out of them or delete them first.", used_by=users)
        made.note(document(row), None)
        row.delete()


def find(slug: str) -> Stage:
    row = Stage.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no stage {slug!r}.")
    return row


def used_by(stage: Stage) -> list[dict[str, str]]:
    """The nouns that refer to a stage: [{"kind", "slug"}]."""
    found = [("plan", slug) for slug in stage.plans.values_list("slug", flat=True)]
    found += [("route", facts.slug) for facts in routes.known() if stage.slug in facts.stages]
    found += [("throttle", slug) for slug in stage.throttles.values_list("slug", flat=True)]
    found += [("rule", slug) for slug in stage.rules.values_list("slug", flat=True)]
    return [{"kind": kind, "slug": slug} for kind, slug in found]


def chosen(slugs: list[str], path: str) -> list[Stage]:
    """The stages of these names. Raises Invalid with the path of each that is not there."""
    known = {stage.slug: stage for stage in Stage.objects.filter(slug__in=slugs)}
    unknown = [
        FieldProblem(f"{path}[{index}]", "unknown", f"There is no stage {slug!r}; open it first.")
        for index, slug in enumerate(slugs)
        if slug not in known
    ]
    if unknown:
        raise Invalid("Stages are named that do not exist.", problems=unknown)
    return [known[slug] for slug in slugs]


def check(slug: str, stated: Document) -> None:
    """Raises Invalid when another stage takes the same requests."""
    whole = complete(slug, stated)
    for other in Stage.objects.filter(base_path=whole["base_path"]).exclude(slug=slug):
        shared = sorted(set(whole["hosts"]) & set(other.hosts))
        if shared or not (whole["hosts"] or other.hosts):
            path = "hosts" if shared else "base_path"
            where = f"{', '.join(shared) or 'every host'} at {other.base_path}"
            text = f"Stage {other.slug} takes the requests to {where}; give one of the two another host or base path."
            raise Invalid("Two stages take the same requests.", problems=[FieldProblem(path, "duplicate", text)])


def _write(row: Stage, stated: Document) -> Stage:
    check(row.slug, stated)
    whole = complete(row.slug, stated)
    cache = whole.pop("cache")
    for name, value in whole.items():
        setattr(row, name, value)
    for name, value in cache.items():
        setattr(row, f"cache_{name}", value)
    row.save()
    return row
