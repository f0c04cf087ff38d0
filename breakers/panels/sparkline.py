"""Small charts drawn by the server as SVG: calls and failures by second, or latencies; pure."""

from collections.abc import Sequence

from breakers.core import counts


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _points(values: Sequence[float], top: float, width: float, height: float) -> list[tuple[float, float]]:
    step = width / max(1, len(values) - 1)
    return [(index * step, height - min(1.0, value / top) * (height - 1)) for index, value in enumerate(values)]


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def grouped(series: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Seconds added up in groups of `size`, so that a line is calm enough to be read."""
    return [counts.total(series[start : start + size]) for start in range(0, len(series), size)]


def calls(series: Sequence[Sequence[int]], *, width: int = 120, height: int = 28, size: int = 4) -> str:
    """Calls as a line, failures as a filled area below it; one scale, which begins at one call a second."""
    groups = grouped(series, size)
    made = [group[counts.CALLS] / size for group in groups]
    failed = [group[counts.FAILURES] / size for group in groups]
    refused = [(group[counts.REJECTED] + group[counts.CACHED]) / size for group in groups]
    top = max([1.0, *made, *refused])
    label = f"Up to {_number(max(made, default=0))} calls a second, {sum(f > 0 for f in failed) * size} s with failures"
    body = ""
    if any(refused):
        body += f'<polyline class="refused" points="{_line(_points(refused, top, width, height))}"/>'
    if any(made):
        body += f'<polyline class="calls" points="{_line(_points(made, top, width, height))}"/>'
    if any(failed):
        area = f"0,{height} {_line(_points(failed, top, width, height))} {width},{height}"
        body += f'<polygon class="failures" points="{area}"/>'
    return _svg(body, label, width, height)


def latencies(series: Sequence[Sequence[int]], *, width: int = 600, height: int = 90, size: int = 5) -> str:
    """p50 and p99 as lines over groups of seconds; a gap where there was no call."""
    groups = grouped(series, size)
    lines = {name: [counts.percentile(group, part) for group in groups] for name, part in (("p50", 0.5), ("p99", 0.99))}
    top = max([1.0, *(value for line in lines.values() for value in line if value is not None)])
    body = ""
    for name, line in lines.items():
        placed = _points([value or 0 for value in line], top, width, height)
        for run in _runs(line, placed):
            body += f'<polyline class="{name}" points="{_line(run)}"/>'
    return _svg(body, f"Latency, up to {_number(top)} ms", width, height)


def _runs(values: Sequence[float | None], points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Stretches without gaps; a single point becomes a short dash, or nothing would be seen of it."""
    runs: list[list[tuple[float, float]]] = []
    open_run = False
    for value, point in zip(values, points, strict=True):
        if value is None:
            open_run = False
        elif open_run:
            runs[-1].append(point)
        else:
            runs.append([point])
            open_run = True
    return [run if len(run) > 1 else [run[0], (run[0][0] + 2, run[0][1])] for run in runs]


def _svg(body: str, label: str, width: int, height: int) -> str:
    base = f'<line class="base" x1="0" y1="{height - 0.5}" x2="{width}" y2="{height - 0.5}"/>'
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' preserveAspectRatio="none" role="img" aria-label="{label}"><title>{label}</title>{base}{body}</svg>'
    )
