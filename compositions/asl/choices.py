"""JSONPath Choice rules, compiled once to functions of the state's input.

A comparison of values of another type than the operator's is false; a path that leads nowhere fails the run, except
for IsPresent.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from compositions.asl import errors, timestamps
from compositions.asl.errors import InvalidDefinition
from compositions.asl.intrinsics import Drawing
from compositions.asl.paths import Missing, Path
from compositions.asl.values import Json, is_number

Test = Callable[[Json, Drawing], bool]


def _string(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Json) -> int | float | None:
    return value if is_number(value) else None


def _boolean(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


_KINDS: Final[dict[str, Callable[[Json], Any]]] = {
    "Boolean": _boolean,
    "Numeric": _number,
    "String": _string,
    "Timestamp": timestamps.parse,
}
_RELATIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
}
COMPARISONS: Final[dict[str, tuple[Callable[[Json], Any], Callable[[Any, Any], bool]]]] = {
    kind + relation: (read, compare)
    for kind, read in _KINDS.items()
    for relation, compare in _RELATIONS.items()
    if kind != "Boolean" or relation == "Equals"
}
TYPE_TESTS: Final[dict[str, Callable[[Json], bool]]] = {
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsNull": lambda value: value is None,
    "IsNumeric": is_number,
    "IsString": lambda value: isinstance(value, str),
    "IsTimestamp": lambda value: timestamps.parse(value) is not None,
}


def compile_rule(rule: Mapping[str, Json], where: str) -> Test:
    """The test of a rule, `where` it stands in the definition."""
    for name in ("And", "Or"):
        if name in rule:
            tests = tuple(compile_rule(inner, f"{where}/{name}/{i}") for i, inner in enumerate(rule[name]))
            return _all(tests) if name == "And" else _any(tests)
    if "Not" in rule:
        negated = compile_rule(rule["Not"], f"{where}/Not")
        return lambda value, around: not negated(value, around)
    if not isinstance(rule.get("Variable"), str):
        raise InvalidDefinition(where, "a rule needs And, Or, Not or Variable")
    variable = Path(rule["Variable"])
    for name, operand in rule.items():
        if name in ("IsPresent", "StringMatches") or name in TYPE_TESTS or name in COMPARISONS:
            return _test(variable, name, operand)
        if name.endswith("Path") and name[:-4] in COMPARISONS:
            return _path_comparison(variable, Path(operand), *COMPARISONS[name[:-4]])
    raise InvalidDefinition(where, "the rule has no comparison operator")


def _all(tests: tuple[Test, ...]) -> Test:
    return lambda value, around: all(test(value, around) for test in tests)


def _any(tests: tuple[Test, ...]) -> Test:
    return lambda value, around: any(test(value, around) for test in tests)


def _needed(path: Path, value: Json, around: Drawing) -> Json:
    found = path.find(value, around)
    if isinstance(found, Missing):
        raise errors.runtime(
            f"Invalid path '{path.text}': The choice state's condition path references an invalid value."
        )
    return found


def _test(variable: Path, name: str, operand: Json) -> Test:
    if name == "IsPresent":
        return lambda value, around: (not isinstance(variable.find(value, around), Missing)) is operand
    if name in TYPE_TESTS:
        is_it = TYPE_TESTS[name]
        return lambda value, around: is_it(_needed(variable, value, around)) is operand
    if name == "StringMatches":
        fits = glob(operand)

        def matches(value: Json, around: Drawing) -> bool:
            found = _needed(variable, value, around)
            return isinstance(found, str) and fits(found)

        return matches
    read, compare = COMPARISONS[name]
    wanted = read(operand)

    def compared(value: Json, around: Drawing) -> bool:
        found = read(_needed(variable, value, around))
        return found is not None and wanted is not None and compare(found, wanted)

    return compared


def _path_comparison(
    variable: Path, other: Path, read: Callable[[Json], Any], compare: Callable[[Any, Any], bool]
) -> Test:
    def compared(value: Json, around: Drawing) -> bool:
        found, wanted = read(_needed(variable, value, around)), read(_needed(other, value, around))
        return found is not None and wanted is not None and compare(found, wanted)

    return compared


def glob(pattern: str) -> Callable[[str], bool]:
    """StringMatches: `*` is any text, a backslash takes the next character as it is."""
    parts = [""]
    i = 0
    while i < len(pattern):
        if pattern[i] == "*":
            parts.append("")
        else:
            i += pattern[i] == "\\" and i + 1 < len(pattern)
            parts[-1] += pattern[i]
        i += 1
    first, last, middle = parts[0], parts[-1], parts[1:-1]

    def matches(text: str) -> bool:
        if len(parts) == 1:
            return text == first
        if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
            return False
        at, end = len(first), len(text) - len(last)
        for part in middle:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return matches
