"""Charts of use and refusals, drawn by the server as SVG with a legend and a table that says the same; pure.

Shapes stretch with the page and carry no text, so they never shift or blur it; words stand beside them as HTML
(templates/breakers/chart.html). Colours come from classes, for light and dark alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import floor, log10
from typing import NamedTuple

from .wording import NBSP, count, share

STEP, WIDTH, HEIGHT = 10, 8, 100
# A limit that is so many times higher than everything drawn would flatten it: it is told, not drawn.
FAR = 8
# Round figures that a scale may end with, times a power of ten.
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
# A quota's bar goes on so far beyond the limit, alike for all, so that bars in a list can be compared.
BEYOND = 1.15


class Column(NamedTuple):
    """One stretch of time: its label, what passed, and what was refused on top of that (same unit)."""

    label: str
    value: float
    refused: float = 0


class Part(NamedTuple):
    """One drawing of a chart. `top` is what its upper edge stands for."""

    name: str
    svg: str
    top: str = ""
    total: str = ""


class Chart(NamedTuple):
    """What the template shows: drawings, (class, words) of the legend, labels below, and the table alternative."""

    slug: str
    title: str
    words: str
    parts: Sequence[Part]
    legend: Sequence[tuple[str, str]] = ()
    ticks: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    @property
    def drawn(self) -> bool:
        return bool(self.parts)


def use(
    slug: str,
    title: str,
    columns: Sequence[Column],
    *,
    limit: float | None = None,
    called: str = "the limit",
    unit: str = "requests/s",
    each: str = "minutes",
    names: tuple[str, str] = ("let through", "refused"),
) -> Chart:
    """Use over time as bars, what was refused on top of them, against a limit (None: there is none).

    The limit is `called` so in words; `each` is what a bar stands for, in the plural; `names` is what the two parts
    of a bar are called.
    """
    highest = max([column.value + column.refused for column in columns], default=0)
    drawn = limit if limit is not None and (not highest or limit <= FAR * highest) else None
    top = nice(max(highest, (drawn or 0) * 1.05))
    shapes = []
    for index, column in enumerate(columns):
        shapes.append(_bar(index, column.value, 0, top, "passed"))
        shapes.append(_bar(index, column.refused, column.value, top, "refused"))
    if drawn is not None:
        shapes.append(_level(drawn, top, len(columns)))
    legend = [("passed", names[0])]
    if any(column.refused for column in columns):
        legend.append(("refused", names[1]))
    if limit is not None:
        far = "" if drawn is not None else ", far above"
        legend.append(("limit", f"{called.removeprefix('the ')} {figure(limit)} {unit}{far}"))
    words = _use_words(columns, highest, limit, called, unit, each, names[1])
    return Chart(
        slug,
        title,
        words,
        [Part("", _svg(slug, title, words, shapes, len(columns)), f"{figure(top)} {unit}")] if columns else [],
        legend,
        ticks(column.label for column in columns),
        ("When", *(f"{name[:1].upper()}{name[1:]} ({unit})" for name in names)),
        [(column.label, figure(column.value), figure(column.refused)) for column in reversed(columns)],
    )


def reasons(
    slug: str, title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], *, unit: str = "requests"
) -> Chart:
    """Refusals over time, one small drawing a reason on one common scale, the most frequent first."""
    kept = sorted(((name, values) for name, values in series.items() if any(values)), key=lambda each: -sum(each[1]))
    top = nice(max([value for _, values in kept for value in values], default=0))
    total = sum(sum(values) for _, values in kept)
    parts = []
    for number, (name, values) in enumerate(kept):
        words = f"{name}: {count(sum(values))} in all, at most {count(max(values))} at once"
        bars = [_bar(index, value, 0, top, "refused") for index, value in enumerate(values)]
        drawing = _svg(f"{slug}-{number}", name, words, bars, len(values))
        part = f" ({share(sum(values), total)})" if len(kept) > 1 else ""
        parts.append(Part(name, drawing, f"{count(top)} {unit}", f"{count(sum(values))}{part}"))
    # The drawings name the reasons.
    words = f"{count(total)} {unit} in all." if kept else "Nothing was refused."
    rows = [(label, *(count(values[index]) for _, values in kept)) for index, label in enumerate(labels)]
    return Chart(slug, title, words, parts, (), ticks(labels), ("When", *(name for name, _ in kept)), rows[::-1])


def quota(
    slug: str,
    title: str,
    *,
    used: float,
    limit: float,
    elapsed: float | None = None,
    forecast: float | None = None,
    words: str = "",
    top: float | None = None,
) -> Chart:
    """A quota as one bar: what is used, where even use would stand now, and what the period will come to.

    `elapsed` is the part of the period that has passed (0 to 1); `forecast` is what will be used by its end. The bar
    ends at `top` (by default a little more than the limit): a forecast beyond it is told, not drawn.
    """
    top = max(top or limit * BEYOND, limit, 1)
    end = "over" if used >= limit else "ahead" if forecast is not None and forecast > limit else "passed"
    shapes = [
        f'<rect class="room" x="0" y="0" width="{_n(1000 * limit / top)}" height="{HEIGHT}"/>',
        f'<rect class="{end}" x="0" y="0" width="{_n(1000 * min(1, used / top))}" height="{HEIGHT}"/>',
    ]
    legend = [(end, f"used {count(used)} of {count(limit)} ({share(used, limit) or '0 %'})")]
    if elapsed is not None:
        shapes.append(_upright("pace", limit * elapsed / top))
        legend.append(("pace", f"even use would be at {count(limit * elapsed)}"))
    if forecast is not None:
        if forecast <= top:
            shapes.append(_upright("forecast", forecast / top))
        beyond = "" if forecast <= top else ", beyond this bar"
        legend.append(("forecast", f"{count(forecast)} by the end at the present pace{beyond}"))
    if used > limit or limit < (forecast or 0) <= top:  # something is drawn beyond it
        shapes.append(_upright("limit", limit / top))
        legend.append(("limit", "limit"))
    told = words or f"{count(used)} of {count(limit)} used."
    rows = [("Used", count(used)), ("Left", count(max(0, limit - used))), ("Limit", count(limit))]
    if forecast is not None:
        rows.append(("Forecast", count(forecast)))
    drawing = _svg(slug, title, told, shapes, 1000 / STEP, "quota")
    return Chart(slug, title, told, [Part("", drawing)], legend, (), ("Quota", "Requests"), rows)


def nice(value: float) -> float:
    """The next higher round figure: what a scale ends with; 1 for nothing."""
    if value <= 0:
        return 1
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in STEPS if value <= step * power * 1.000001)


def figure(value: float) -> str:
    """`0`, `0.25`, `4.2`, `180`, `12,300`: no more digits than are read."""
    if value and value < 10 and not float(value).is_integer():
        return f"{value:.2g}" if value < 1 else f"{value:.1f}"
    return count(value)


def ticks(labels: Iterable[str]) -> list[str]:
    """The first, the middle and the last label, for the axis below."""
    every = list(labels)
    return [every[0], every[len(every) // 2], every[-1]] if len(every) > 2 else every


def _use_words(
    columns: Sequence[Column], highest: float, limit: float | None, called: str, unit: str, each: str, refused_as: str
) -> str:
    if not highest:
        return "No requests in this time."
    busiest = max(columns, key=lambda column: column.value + column.refused)
    told = f"At most {figure(highest)} {unit}, at {busiest.label}"
    if limit:
        told += f", {share(highest, limit)} of {called} of {figure(limit)} {unit}"
    refused = sum(1 for column in columns if column.refused)
    if refused_as != "refused":
        return f"{told}; some {refused_as} in {refused} of {len(columns)} {each}." if refused else f"{told}."
    return f"{told}; refusals in {refused} of {len(columns)} {each}." if refused else f"{told}; nothing was refused."


def _bar(index: int, value: float, base: float, top: float, kind: str) -> str:
    if not value:
        return ""
    height = max(1.0, HEIGHT * value / top)  # one request must be seen
    y = HEIGHT - HEIGHT * base / top - height
    return f'<rect class="{kind}" x="{index * STEP + 1}" y="{_n(max(0.0, y))}" width="{WIDTH}" height="{_n(height)}"/>'


def _level(value: float, top: float, columns: int) -> str:
    y = _n(HEIGHT - HEIGHT * value / top)
    return f'<line class="limit" x1="0" y1="{y}" x2="{columns * STEP}" y2="{y}"/>'


def _upright(kind: str, part: float) -> str:
    x = _n(min(999.0, max(1.0, 1000 * part)))
    return f'<line class="{kind}" x1="{x}" y1="0" x2="{x}" y2="{HEIGHT}"/>'


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _svg(slug: str, title: str, words: str, shapes: Sequence[str], columns: float, kind: str = "over-time") -> str:
    width, name = _n(max(1, columns) * STEP), escape(slug)
    return (
        f'<svg class="plot {kind}" viewBox="0 0 {width} {HEIGHT}" width="600" height="{HEIGHT}"'
        f' preserveAspectRatio="none" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(words).replace(NBSP, " ")}</desc>'
        f'<line class="base" x1="0" y1="{HEIGHT}" x2="{width}" y2="{HEIGHT}"/>{"".join(shapes)}</svg>'
    )
