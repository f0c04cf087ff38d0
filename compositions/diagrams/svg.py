"""A diagram as SVG: shapes and classes only, so that pages allow no inline style; every state is a link.

Its colours are static/compositions/diagram.css; `listing.py` says the same in words.
"""

from collections.abc import Callable
from html import escape
from typing import Final

from compositions.asl.outline import CATCH
from compositions.diagrams.drawing import LINE, PADDING, PILL, START, Box, Diagram, Lane, Line, Mark
from compositions.diagrams.layout import LABEL, Curve
from compositions.diagrams.overlay import STATUSES, brief, status_of, told
from compositions.diagrams.wording import DETAIL_WIDTH, width

_ARROW: Final = (4, 7)


def svg(
    diagram: Diagram, *, name: str, title: str, link: Callable[[str], str], selected: str = "", words: str = ""
) -> str:
    """`name` makes ids unique on the page; `link` is where a state's path leads; `words` describe the whole."""
    lines: dict[str, list[Line]] = {}
    for line in diagram.lines:
        lines.setdefault(line.scope, []).append(line)
    marks: dict[str, list[Mark]] = {}
    for mark in diagram.marks:
        marks.setdefault(mark.scope, []).append(mark)
    lanes: dict[str, list[Lane]] = {}
    for lane in diagram.lanes:
        lanes.setdefault(lane.holder, []).append(lane)
    parts = [_scope("/", lines, marks, diagram)]
    for box in diagram.boxes:
        parts.append(_box(box, diagram, link, is_selected=box.state.path == selected))
        for lane in lanes.get(box.state.path, ()):
            parts.append(
                f'<rect class="lane" x="{lane.x}" y="{lane.y}" width="{lane.width}" height="{lane.height}" rx="6"/>'
            )
            parts.append(_scope(lane.path, lines, marks, diagram))
    kind = "machine of-run" if diagram.seen is not None else "machine"
    return (
        f'<svg class="{kind}" width="{diagram.width}" height="{diagram.height}"'
        f' viewBox="0 0 {diagram.width} {diagram.height}" role="graphics-document"'
        f' aria-labelledby="{escape(name)}-title"'
        f' aria-describedby="{escape(name)}-words"><title id="{escape(name)}-title">{escape(title)}</title>'
        f'<desc id="{escape(name)}-words">{escape(words)}</desc>{"".join(parts)}</svg>'
    )


def _scope(scope: str, lines: dict[str, list[Line]], marks: dict[str, list[Mark]], diagram: Diagram) -> str:
    # What was not taken first: a way that was is never under another one.
    own = sorted(lines.get(scope, ()), key=lambda line: line.is_taken)
    return (
        "".join(_line(line) for line in own)
        + "".join(_label(line) for line in own if line.label)
        + "".join(_mark(mark) for mark in marks.get(scope, ()))
    )


def _line(line: Line) -> str:
    kind = line.edge.kind if line.edge is not None else "mark"
    taken = " taken" if line.is_taken else ""
    x, y = line.way.curves[-1].end
    wide, high = _ARROW
    return (
        f'<g class="way way-{kind}{taken}"><path d="{_path(line.way.curves)}"/>'
        f'<path class="arrow" d="M{x - wide} {y - high}L{x + wide} {y - high}L{x} {y}Z"/></g>'
    )


def _path(curves: tuple[Curve, ...]) -> str:
    x, y = curves[0].start
    found = [f"M{x} {y}"]
    for start, first, second, end in curves:
        if first == start and second == end:
            found.append(f"L{end[0]} {end[1]}")
        else:
            found.append(f"C{first[0]} {first[1]} {second[0]} {second[1]} {end[0]} {end[1]}")
    return "".join(found)


def _label(line: Line) -> str:
    assert line.way.label is not None
    assert line.edge is not None
    x, y = line.way.label
    wide = width(line.label, DETAIL_WIDTH) + 8
    kind = " catches" if line.edge.kind == CATCH else ""
    full = f"<title>{escape(line.edge.label)}</title>" if line.edge.label != line.label else ""
    return (
        f'<g class="label{kind}{" taken" if line.is_taken else ""}">{full}'
        f'<rect x="{x - wide // 2}" y="{y - LABEL // 2}" width="{wide}" height="{LABEL}" rx="4"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle">{escape(line.label)}</text></g>'
    )


def _mark(mark: Mark) -> str:
    if mark.scope != "/":
        return f'<circle class="mark" cx="{mark.x}" cy="{mark.y}" r="5"/>'
    wide, high = PILL
    word = "Start" if mark.kind == START else "End"
    return (
        f'<g class="mark"><rect x="{mark.x - wide // 2}" y="{mark.y - high // 2}" width="{wide}" height="{high}"'
        f' rx="{high // 2}"/><text x="{mark.x}" y="{mark.y + 4}" text-anchor="middle">{word}</text></g>'
    )


def _box(box: Box, diagram: Diagram, link: Callable[[str], str], *, is_selected: bool) -> str:
    state = box.state
    status = status_of(diagram.seen, state.path)
    seen = told(diagram.seen.get(state.path)) if diagram.seen is not None else ""
    kinds = ["state", f"of-{escape(state.kind or 'nothing')}"]
    kinds += [name for name, holds in _marks_of(box, status, is_selected) if holds]
    said = f"{state.name}: {box.detail}"
    if status:
        said += f"; {STATUSES[status].words}{f', {seen}' if seen else ''}"
    sign = STATUSES[status].sign if status else ""
    current = ' aria-current="true"' if is_selected else ""
    left, base = box.x + PADDING, box.y + LINE + 3
    result = ""
    if status:
        words = brief(diagram.seen.get(state.path)) if diagram.seen is not None else ""
        words = words or STATUSES[status].words.split(",")[0]
        result = f'<text class="result" x="{left}" y="{base + 2 * LINE}">{escape(words)}</text>'
    signed = (
        f'<text class="sign" x="{box.x + box.width - PADDING}" y="{base}" text-anchor="end">{sign}</text>'
        if sign
        else ""
    )
    return (
        f'<a class="{" ".join(kinds)}" href="{escape(link(state.path))}" aria-label="{escape(said)}"'
        f"{current}><title>{escape(said)}</title>"
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="8"/>'
        f'<text class="name" x="{left}" y="{base}">{escape(box.name)}</text>'
        f'<text class="detail" x="{left}" y="{base + LINE}">{escape(box.detail)}</text>{signed}{result}</a>'
    )


def _marks_of(box: Box, status: str, is_selected: bool) -> list[tuple[str, bool]]:
    return [
        ("frame", box.is_frame),
        ("unreached", not box.state.is_reached),
        ("selected", is_selected),
        (f"is-{status}", bool(status)),
    ]
