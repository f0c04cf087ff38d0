"""What this product knows of a definition beyond its language: what could not run here, and what is not advisable.

    judge    a definition as its author gives it: its language first, and when that is right, the review
    review   a valid definition, against what stands around it

Errors refuse a definition, warnings are shown with it. A rule is a function here and a line in RULES.
"""

import json
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from compositions.asl.validate import validate
from compositions.asl.values import Json
from compositions.positions import Positions
from compositions.surroundings import Surroundings

from . import answers, calls, loops, maps, times
from .findings import ERROR, SEVERITIES, WARNING, Finding, Subject

__all__ = ["ERROR", "SEVERITIES", "WARNING", "Finding", "judge", "review"]

RULES: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    calls.unknown,
    calls.not_served,
    calls.circles,
    maps.not_run_here,
    times.deadline,
    times.waiting_forever,
    loops.unbounded,
    answers.lost_parts,
    answers.whole_responses,
    answers.repeated_writes,
)


def judge(
    definition: str | Json,
    around: Surroundings,
    *,
    slug: str = "",
    type: str,
    deadline_ms: int | None = None,
    meta: bool = False,
) -> list[Finding]:
    """What is wrong with a definition and what is not advisable; with lines and columns where it is text."""
    problems = validate(definition, machine_type=type)
    if problems:
        return [Finding(each.path, each.code, each.message, ERROR, each.line, each.column) for each in problems]
    value = json.loads(definition) if isinstance(definition, str) else definition
    found = review(value, around, slug=slug, type=type, deadline_ms=deadline_ms, meta=meta)
    return _placed(found, definition) if found and isinstance(definition, str) else found


def review(
    definition: Json,
    around: Surroundings,
    *,
    slug: str = "",
    type: str,
    deadline_ms: int | None = None,
    meta: bool = False,
) -> list[Finding]:
    """What speaks against a valid definition here, errors first. `slug` is the composition that it is for."""
    subject = Subject(definition, around, slug=slug, type=type, deadline_ms=deadline_ms, meta=meta)
    found = dict.fromkeys(finding for rule in RULES for finding in rule(subject))
    return sorted(found, key=lambda finding: finding.severity != ERROR)


def _placed(findings: list[Finding], text: str) -> list[Finding]:
    positions = Positions(text)
    placed: list[Finding] = []
    for finding in findings:
        line, column = positions.find(finding.path) or (None, None)
        placed.append(msgspec.structs.replace(finding, line=line, column=column))
    return placed
