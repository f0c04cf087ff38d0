"""Compositions as their list and their pages show them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.urls import reverse

from breakers.panels.board import Board
from breakers.panels.findings import address
from breakers.panels.rows import Row
from compositions import neighbours
from compositions.models import Composition
from compositions.operations import compositions as operations
from compositions.reach import Reach, reach
from compositions.review import ERROR, Finding, judge
from compositions.runs import reading
from compositions.runs.figures import Figures
from compositions.surroundings import Surroundings


class Listed(NamedTuple):
    """A composition in the list. `stopped` are the targets it reaches whose circuits carry no traffic now."""

    composition: Composition
    problems: int
    warnings: int
    reached: Reach
    stopped: Sequence[str]
    used_by: Sequence[dict[str, str]]
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


class User(NamedTuple):
    kind: str
    slug: str
    href: str


def listed(rows: Iterable[Composition], board: Board) -> list[Listed]:
    around = neighbours.around()
    figures = reading.lately()
    return [_listed(row, around, board, figures.get(row.slug)) for row in rows]


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
    around = around or neighbours.around()
    known: Any = around.find(row.slug)
    return reach(known.definition, around) if known is not None else Reach()


def _listed(row: Composition, around: Surroundings, board: Board, figures: Figures | None) -> Listed:
    found = findings(row, around)
    errors = sum(finding.severity == ERROR for finding in found)
    reached_ = reach_of(row, around)
    stopped = [slug for slug in sorted(reached_.targets) if (known := board.row(slug)) is not None and known.stopped]
    return Listed(row, errors, len(found) - errors, reached_, stopped, operations.used_by(row.slug), figures)


def _calls(found: Reach, slug: str) -> str:
    times = found.calls.get(slug, 0)
    if slug in found.uncounted:
        return "as often as it loops or has items"
    return "once at most" if times == 1 else f"{times:g} times at most"


def _page(kind: str, slug: str) -> str:
    if kind == "route":
        return f"{reverse('routes')}#route-{slug}"
    return address(kind, slug)
