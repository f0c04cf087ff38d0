"""Whether a definition is valid States Language, judged as AWS judges it: every problem, its place and its remedy.

The judge is CreateStateMachine (and ValidateStateMachineDefinition). It knows no catalog of resources: any well-formed
ARN is language. Where AWS and the specification differ, AWS is followed; the sources of its rules are the States
Language specification, the Step Functions developer guide and published diagnostics of the service.
"""

import json
from typing import Any, Final

from compositions.asl.validate.machines import Walk
from compositions.asl.validate.problems import (
    DUPLICATE_STATE_NAME,
    EXPRESS,
    INVALID_JSON_DESCRIPTION,
    MISSING_DESCRIPTION,
    STANDARD,
    TOO_DEEPLY_NESTED,
    Finding,
    Problem,
    Report,
    Site,
    shown,
    written,
)
from compositions.asl.validate.text import Places, TextError, TooDeep, read

__all__ = ["EXPRESS", "STANDARD", "Problem", "validate"]

LONGEST_DEFINITION: Final = 1_048_576  # characters
DEEPEST: Final = 256  # levels of JSON


def validate(definition: Any, *, machine_type: str = STANDARD) -> list[Problem]:
    """The problems of a definition, which is JSON text or already read; none: it is valid.

    `machine_type` is STANDARD, as where AWS is not told, or EXPRESS, which refuses `.sync`, `.waitForTaskToken`,
    activities and distributed Maps. Problems have line and column when the definition is text.
    """
    report = Report()
    root = Site(report, machine_type=machine_type)
    if not isinstance(definition, str):
        if not _is_too_large(root, definition):
            _check(root, definition)
        return [Problem(written(f.parts), f.code, f.message) for f in report.findings]
    if len(definition) > LONGEST_DEFINITION:
        return [Problem("/", INVALID_JSON_DESCRIPTION, _too_large(len(definition)), 1, 1)]
    if not definition:
        return [Problem("/", MISSING_DESCRIPTION, "The definition is empty. Write a JSON object.", 1, 1)]
    if not definition.strip(" \t\r\n"):
        root.problem("Definition must be a valid JSON object. Write an object with StartAt and States.")
        return [Problem(written(f.parts), f.code, f.message, 1, 1) for f in report.findings]
    return _check_text(root, definition)


def _check_text(root: Site, definition: str) -> list[Problem]:
    try:
        value, has_duplicates = read(definition)
    except TextError as error:
        return [Problem("/", INVALID_JSON_DESCRIPTION, error.message, error.line, error.column)]
    except TooDeep:
        return [Problem("/", TOO_DEEPLY_NESTED, _too_deep(), 1, 1)]
    _check(root, value)
    findings = root.report.findings
    if not findings and not has_duplicates:
        return []
    places = Places(definition)
    problems = [_placed(finding, places) for finding in findings]
    problems += [
        Problem(written(d.parts), DUPLICATE_STATE_NAME, _twice(d.parts[-1]), d.line, d.column)
        for d in places.duplicates
        if len(d.parts) > 1 and d.parts[-2] == "States" and _holds_states(d.parts)
    ]
    return problems


def _check(root: Site, value: Any) -> None:
    if not isinstance(value, dict):
        root.problem("Definition must be a valid JSON object. Write an object with StartAt and States.")
    elif _depth(value) > DEEPEST:
        root.problem(_too_deep(), TOO_DEEPLY_NESTED)
    else:
        Walk(root).check(value)


def _placed(finding: Finding, places: Places) -> Problem:
    line, column = places.find(finding.spot, by_name=finding.by_name)
    return Problem(written(finding.parts), finding.code, finding.message, line, column)


def _holds_states(parts: tuple[str | int, ...]) -> bool:
    """Whether the parts lead to a state's name, and not to a member of some payload called States."""
    rest = list(parts)
    while rest[:1] == ["States"]:
        if len(rest) == 2:
            return True
        inner = 3 if rest[2:3] in (["ItemProcessor"], ["Iterator"]) else 4 if rest[2:3] == ["Branches"] else 0
        if not inner:
            return False
        rest = rest[inner:]
    return False


def _depth(value: Any) -> int:
    """Levels of nesting, counted no further than needed."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
    return depth


def _is_too_large(root: Site, definition: Any) -> bool:
    try:
        size = len(json.dumps(definition, ensure_ascii=False, separators=(",", ":"), default=str))
    except (RecursionError, ValueError, TypeError):
        return False  # its depth, or its types, will be the problem
    if size > LONGEST_DEFINITION:
        root.problem(_too_large(size), INVALID_JSON_DESCRIPTION)
        return True
    return False


def _too_large(size: int) -> str:
    return f"The definition has {size} characters; at most {LONGEST_DEFINITION} are allowed. Split it in two."


def _too_deep() -> str:
    return f"The definition nests deeper than {DEEPEST} levels. Move inner parts into machines of their own."


def _twice(name: str | int) -> str:
    return f"Duplicate State name: {shown(name)}. Only the last one would count; rename or remove one."
