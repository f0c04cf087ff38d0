"""A definition's picture for a page: the drawing, the list beside it, and what the whole is in a few words."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from compositions.asl.outline import outline
from compositions.asl.values import Json
from compositions.callees import callee
from compositions.diagrams import draw
from compositions.diagrams.listing import Told, listing
from compositions.diagrams.overlay import STATUSES, Overlay
from compositions.diagrams.svg import svg
from compositions.walking import steps


class Row(NamedTuple):
    """A state of the list, and where its name leads."""

    told: Told
    href: str


class Picture(NamedTuple):
    """`drawing` is empty where there are too many states for one, or none. `legend`: (status, sign, words)."""

    name: str
    drawing: str
    rows: Sequence[Row]
    words: str
    legend: Sequence[tuple[str, str, str]] = ()


def picture(
    definition: Json,
    *,
    title: str,
    link: Callable[[str], str],
    name: str = "diagram",
    seen: Overlay | None = None,
    taken: Collection[tuple[str, str]] | None = None,
    selected: str = "",
) -> Picture:
    """Of any definition, valid or not; `link` is where a state's path leads."""
    shape = outline(definition)
    diagram = draw(shape, seen, taken=taken, details=_details(definition))
    count = len(shape.states)
    words = f"{count} state{'s' if count != 1 else ''}"
    if not diagram.is_drawn and count:
        words += ", too many for a picture"
    drawing = (
        svg(diagram, name=name, title=title, link=link, selected=selected, words=words) if diagram.is_drawn else ""
    )
    rows = [Row(told, link(told.path)) for told in listing(diagram)]
    met = {row.told.status for row in rows}
    legend = [(status, each.sign, each.words) for status, each in STATUSES.items() if each.sign and status in met]
    return Picture(name, drawing, rows, words, legend)


def _details(definition: Json) -> dict[str, str]:
    """Whom tasks call whose address is computed, as far as its text or a Comment tells."""
    found: dict[str, str] = {}
    for step in steps(definition):
        called = callee(step.raw, {})
        if called is not None and called.is_computed and called.targets:
            arguments = step.raw.get("Arguments", step.raw.get("Parameters"))
            method = arguments.get("Method", "") if isinstance(arguments, dict) else ""
            method = method if isinstance(method, str) and not method.startswith("{%") else ""
            found[step.path] = f"{method} {', '.join(called.targets)}/…".strip()
        elif called is not None and called.composition:
            found[step.path] = f"Run {called.composition}"
    return found
