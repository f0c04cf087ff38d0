"""EventBridge event patterns: whether an event matches, and what is wrong with a pattern; pure.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html. Field values are lists of
which one must match; nested objects must all match; an array in the event matches when one of its items does.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from controlplane.kernel.errors import FieldProblem

DEEPEST = 20
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_ABSENT = object()


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether `event` matches a pattern that has no problems."""
    if not isinstance(event, Mapping):
        return False
    return all(
        any(matches(each, event) for each in wanted) if name == "$or" else _field(wanted, event.get(name, _ABSENT))
        for name, wanted in pattern.items()
    )


def _field(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        if isinstance(value, list):
            return any(matches(wanted, item) for item in value)
        return matches(wanted, {} if value is _ABSENT else value)
    items = value if isinstance(value, list) and value else [value]
    return any(_one(each, item) for each in wanted for item in items)


def _one(wanted: Any, value: Any) -> bool:
    """Whether one alternative takes a value, which is _ABSENT where the event has no such field."""
    if not isinstance(wanted, Mapping):
        return _equal(wanted, value)
    kind, operand = next(iter(wanted.items()))
    if kind == "exists":
        return (value is not _ABSENT) is operand
    return value is not _ABSENT and _OPERATORS[kind](operand, value)


def _equal(wanted: Any, value: Any) -> bool:
    """JSON equality: true is not 1, and 1.0 is 1."""
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    return (type(wanted) in (int, float) and type(value) in (int, float) and wanted == value) or (
        isinstance(wanted, str) and isinstance(value, str) and wanted == value
    )


def _prefix(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return isinstance(value, str) and value.casefold().startswith(operand["equals-ignore-case"].casefold())
    return isinstance(value, str) and value.startswith(operand)


def _suffix(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return isinstance(value, str) and value.casefold().endswith(operand["equals-ignore-case"].casefold())
    return isinstance(value, str) and value.endswith(operand)


def _ignoring_case(operand: Any, value: Any) -> bool:
    return isinstance(value, str) and value.casefold() == operand.casefold()


def _wildcard(operand: str, value: Any) -> bool:
    """`*` is any run of characters, `\\*` the character itself. Greedy from the left, so that it takes linear time."""
    if not isinstance(value, str):
        return False
    parts = [re.sub(r"\\([*\\])", r"\1", part) for part in re.split(r"(?<!\\)\*", operand)]
    if len(parts) == 1:
        return value == parts[0]
    first, *middle, last = parts
    if not value.startswith(first) or not value.endswith(last) or len(value) < len(first) + len(last):
        return False
    at, end = len(first), len(value) - len(last)
    for part in middle:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _numeric(operand: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARE[sign](value, bound) for sign, bound in zip(operand[::2], operand[1::2], strict=True))


def _cidr(operand: str, value: Any) -> bool:
    try:
        return isinstance(value, str) and ipaddress.ip_address(value) in ipaddress.ip_network(operand)
    except ValueError:
        return False


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        kind, inner = next(iter(operand.items()))
        return not any(_OPERATORS[kind](each, value) for each in (inner if isinstance(inner, list) else [inner]))
    return not any(_equal(each, value) for each in (operand if isinstance(operand, list) else [operand]))


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
OPERATORS = ("exists", *_OPERATORS)


# What is wrong with a pattern ----------------------------------------------------------------------------------------


def problems(pattern: Any, path: str = "", depth: int = 0) -> Iterator[FieldProblem]:
    """Every place at which the pattern could not be used, with the remedy."""
    if not isinstance(pattern, Mapping) or not pattern:
        yield FieldProblem(path, "invalid", 'A pattern is an object with at least one field: {"plan": ["premium"]}.')
        return
    if depth >= DEEPEST:
        yield FieldProblem(path, "too_deep", f"At most {DEEPEST} levels.")
        return
    for name, wanted in pattern.items():
        here = f"{path}.{name}" if path else name
        if name == "$or":
            if not isinstance(wanted, list) or len(wanted) < 2:
                yield FieldProblem(here, "invalid", "$or is a list of at least two patterns.")
                continue
            for index, each in enumerate(wanted):
                yield from problems(each, f"{here}[{index}]", depth + 1)
        elif isinstance(wanted, Mapping):
            yield from problems(wanted, here, depth + 1)
        elif not isinstance(wanted, list) or not wanted:
            yield FieldProblem(here, "invalid", "Give a list of the values that match, such as [1, 2].")
        else:
            for index, each in enumerate(wanted):
                yield from _alternative(each, f"{here}[{index}]")


def _alternative(wanted: Any, path: str) -> Iterator[FieldProblem]:
    if isinstance(wanted, list):
        yield FieldProblem(path, "invalid", "A value is text, a number, true, false, null or an operator.")
    if not isinstance(wanted, Mapping):
        return
    if len(wanted) != 1 or (kind := next(iter(wanted))) not in OPERATORS:
        yield FieldProblem(path, "invalid", f"An operator is an object with one of {', '.join(OPERATORS)}.")
    elif remedy := _operand(kind, wanted[kind]):
        yield FieldProblem(f"{path}.{kind}", "invalid", remedy)


def _operand(kind: str, operand: Any) -> str:
    """What is wrong with an operator's operand; empty when nothing is."""
    match kind:
        case "exists":
            return "" if isinstance(operand, bool) else "Use true or false."
        case "numeric":
            pairs = isinstance(operand, list) and len(operand) in (2, 4)
            if pairs and all(sign in _COMPARE for sign in operand[::2]) and all(map(_number, operand[1::2])):
                return ""
            return 'Use one or two comparisons: [">", 0] or [">=", 0, "<", 100].'
        case "cidr":
            try:
                ipaddress.ip_network(operand)
            except ValueError:
                return "Use a network such as 10.0.0.0/8."
            return ""
        case "anything-but":
            return _but(operand)
        case "prefix" | "suffix":
            inner = operand.get("equals-ignore-case") if isinstance(operand, Mapping) and len(operand) == 1 else operand
            return "" if isinstance(inner, str) else 'Use text, or {"equals-ignore-case": text}.'
        case _:
            return "" if isinstance(operand, str) else "Use text."


def _but(operand: Any) -> str:
    if isinstance(operand, Mapping):
        kind = next(iter(operand), "")
        if len(operand) != 1 or kind not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            return "Use values, or one of prefix, suffix, equals-ignore-case, wildcard."
        inner = operand[kind]
        texts = inner if isinstance(inner, list) else [inner]
        return "" if texts and all(isinstance(each, str) for each in texts) else "Use text, or a list of texts."
    values = operand if isinstance(operand, list) else [operand]
    plain = values and all(isinstance(each, str) or _number(each) for each in values)
    return "" if plain else "Use text or numbers, or a list of them."


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
