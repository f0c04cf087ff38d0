"""Compositions as their list and their pages show them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.urls import reverse

from breakers.panels.board import Board
from breakers.panels.findings import address
from breakers.panels.rows import Row
from compositions import neighbours
from compositions.callees import callee
from compositions.models import Composition, Pipe, Route
from compositions.operations import compositions as operations
from compositions.reach import Reach, reach
from compositions.review import ERROR, Finding, judge
from compositions.runs import reading
from compositions.runs.figures import Figures
from compositions.surroundings import Surroundings
from compositions.walking import steps


class User(NamedTuple):
    kind: str
    slug: str
    href: str


class Listed(NamedTuple):
    """A composition in the list. `stopped` are the targets it reaches whose circuits carry no traffic now."""

    composition: Composition
    problems: int
    warnings: int
    reached: Reach
    stopped: Sequence[str]
    used_by: Sequence[User]
    figures: Figures | None

    @property
    def required(self) -> list[str]:
        return sorted(self.reached.required)

    @property
    def optional(self) -> list[str]:
        return sorted(self.reached.optional)

    @property
    def needs_stopped(self) -> bool:
        """Without those it gives no answer at all."""
        return any(slug in self.reached.required for slug in self.stopped)


class Reached(NamedTuple):
    """A target that a composition reaches, with its circuit as it is now (None: not known)."""

    slug: str
    is_required: bool
    calls: str
    row: Row | None


def listed(rows: Iterable[Composition], board: Board) -> list[Listed]:
    around = neighbours.around()
    figures, named_by = reading.lately(), _named_by(around)
    return [_listed(row, around, board, figures.get(row.slug), named_by.get(row.slug, [])) for row in rows]


def findings(row: Composition, around: Surroundings | None = None) -> list[Finding]:
    """What speaks against a composition that stands: targets or workflows may have gone since it was saved."""
    around = around or neighbours.around()
    return judge(row.definition, around, slug=row.slug, type=row.type, deadline_ms=row.deadline_ms)


def reached(found: Reach, board: Board) -> list[Reached]:
    """Those that it needs first."""
    slugs = sorted(found.targets, key=lambda slug: (slug not in found.required, slug))
    return [Reached(slug, slug in found.required, _calls(found, slug), board.row(slug)) for slug in slugs]


def users(slug: str) -> list[User]:
    return [User(user["kind"], user["slug"], _page(user["kind"], user["slug"])) for user in operations.used_by(slug)]


def reach_of(row: Composition, around: Surroundings | None = None) -> Reach:
    """Whom it reaches among what is registered now."""
    around = around or neighbours.around()
    known: Any = around.find(row.slug)
    return reach(known.definition, around) if known is not None else Reach()


def _named_by(around: Surroundings) -> dict[str, list[User]]:
    """Routes, pipes and other compositions by the composition that they name; as `used_by`, for all at once."""
    found: dict[str, list[User]] = {}
    routes = Route.objects.exclude(composition=None).values_list("composition__slug", "slug")
    pairs = [(slug, "route", name) for slug, name in routes]
    for name, target, enrichment in Pipe.objects.values_list("slug", "target", "enrichment"):
        pairs += [(slug, "pipe", name) for slug in dict.fromkeys((target, enrichment)) if slug]
    for other in around.compositions.values():
        called = (callee(step.raw, {}) for step in steps(other.definition))
        inner = dict.fromkeys(each.composition for each in called if each is not None and each.composition)
        pairs += [(slug, "composition", other.slug) for slug in inner if slug != other.slug]
    for slug, kind, name in pairs:
        found.setdefault(slug, []).append(User(kind, name, _page(kind, name)))
    return found


def _listed(
    row: Composition, around: Surroundings, board: Board, figures: Figures | None, named_by: Sequence[User]
) -> Listed:
    found = findings(row, around)
    errors = sum(finding.severity == ERROR for finding in found)
    reached_ = reach_of(row, around)
    stopped = [slug for slug in sorted(reached_.targets) if (known := board.row(slug)) is not None and known.stopped]
    return Listed(row, errors, len(found) - errors, reached_, stopped, named_by, figures)


def _calls(found: Reach, slug: str) -> str:
    times = found.calls.get(slug, 0)
    if slug in found.uncounted:
        return "as often as it loops or has items"
    return "once at most" if times == 1 else f"{times:g} times at most"


def _page(kind: str, slug: str) -> str:
    if kind == "route":
        return f"{reverse('routes')}#route-{slug}"
    return address(kind, slug)
