"""What this product knows of a definition beyond its language: what could not run here, and what is not advisable.

    judge    a definition as its author gives it: its language first, and when that is right, the review
    review   a valid definition, against what stands around it

Errors refuse a definition, warnings are shown with it.
"""

import json

import msgspec

from compositions.asl.validate import validate
from compositions.asl.values import Json
from compositions.positions import Positions
from compositions.surroundings import Surroundings

from . import calls
from .findings import ERROR, SEVERITIES, WARNING, Finding

__all__ = ["ERROR", "SEVERITIES", "WARNING", "Finding", "judge", "review"]

RULES = (calls.findings,)


def judge(
    definition: str | Json, around: Surroundings, *, slug: str = "", type: str, deadline_ms: int | None = None
) -> list[Finding]:
    """What is wrong with a definition and what is not advisable; with lines and columns where it is text."""
    problems = validate(definition, machine_type=type)
    if problems:
        return [Finding(each.path, each.code, each.message, ERROR, each.line, each.column) for each in problems]
    value = json.loads(definition) if isinstance(definition, str) else definition
    found = review(value, around, slug=slug, type=type, deadline_ms=deadline_ms)
    return _placed(found, definition) if found and isinstance(definition, str) else found


def review(
    definition: Json, around: Surroundings, *, slug: str = "", type: str, deadline_ms: int | None = None
) -> list[Finding]:
    """What speaks against a valid definition here, errors first. `slug` is the composition that it is for."""
    found = [finding for rule in RULES for finding in rule(definition, around, slug, type, deadline_ms)]
    return sorted(dict.fromkeys(found), key=lambda finding: finding.severity != ERROR)


def _placed(findings: list[Finding], text: str) -> list[Finding]:
    positions = Positions(text)
    placed: list[Finding] = []
    for finding in findings:
        line, column = positions.find(finding.path) or (None, None)
        placed.append(msgspec.structs.replace(finding, line=line, column=column))
    return placed
