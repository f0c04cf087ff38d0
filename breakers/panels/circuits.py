"""The panel of all circuits: lanes by state, worst first, filtered by what the address says."""

from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest, QueryDict

from controlplane.dashboard.panels import Panel

from .board import board_of
from .rows import LANES, Row, in_lanes


class Wanted(msgspec.Struct, frozen=True):
    """Which circuits somebody wants to see; the query of the address."""

    q: str = ""
    state: str = ""
    owner: str = ""
    tag: str = ""
    quiet: str = ""  # "hide" leaves out circuits without calls, unless something is wrong with them

    @classmethod
    def from_query(cls, query: QueryDict) -> "Wanted":
        return cls(**{name: query.get(name, "").strip() for name in cls.__struct_fields__})

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)

    def holds(self, row: Row) -> bool:
        words = " ".join((row.title, row.slug, row.owner, row.team, *row.tags, *row.journeys)).lower()
        return (
            all(word in words for word in self.q.lower().split())
            and self.state in ("", row.lane.slug)
            and self.owner in ("", row.owner, row.team)
            and (not self.tag or self.tag in row.tags)
            and not (self.quiet == "hide" and row.quiet and not row.stopped and not row.order)
        )


class Circuits(Panel):
    slug: ClassVar[str] = "circuits"
    title: ClassVar[str] = "Circuits"
    template: ClassVar[str] = "breakers/panels/circuits.html"
    order: ClassVar[int] = 20

    def context(self, request: HttpRequest) -> dict[str, Any]:
        board = board_of(request)
        wanted = Wanted.from_query(request.GET)
        shown = [row for row in board.rows if wanted.holds(row)]
        return {
            "board": board,
            "lanes": in_lanes(shown),
            "hidden": len(board.rows) - len(shown),
            "wanted": wanted,
            **_offered(board.rows),
        }


def _offered(rows: list[Row]) -> dict[str, list[Any]]:
    """What the filter form offers."""
    return {
        "states": [(lane.slug, lane.title) for lane in LANES],
        "owners": sorted({owner for row in rows for owner in (row.owner, row.team) if owner}),
        "tags": sorted({tag for row in rows for tag in row.tags}),
    }
