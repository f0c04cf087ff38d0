"""JSONata text compiled by the library, once, and what its tree tells: names used, and whether it may run long."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser

_LONGEST_LITERAL_RANGE: Final = 10_000
_GROWING: Final = frozenset({"join", "pad", "replace"})  # one call of these may make a text far longer than its input
_THOROUGH: Final = frozenset({"append", "distinct", "join", "merge", "string"})  # these go through all of a value
_MARKED: Final = re.compile(r"\{%(.*)%\}", re.S)


class JsonataError(ValueError):
    """The text is not a JSONata expression; the message says why."""


class Compiled(msgspec.Struct, frozen=True):
    """`slow` says why the expression is better evaluated where it can be stopped; empty: it is safe here.

    `members` are those of `$states` that it reads; None: perhaps all.
    """

    text: str
    program: Any
    names: frozenset[str]
    members: frozenset[str] | None
    slow: str


def expression_of(text: object) -> str | None:
    """The expression inside `{% ... %}`, or None for any other value."""
    found = _MARKED.fullmatch(text) if isinstance(text, str) else None
    return found[1].strip() if found else None


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Compiled:
    try:
        program = Jsonata.jsonata(text)
    except JException as error:
        raise JsonataError(str(error)) from None
    except (re.error, RecursionError, AttributeError, TypeError, IndexError, ValueError) as error:
        raise JsonataError(f"the expression cannot be read: {error}") from None
    if program.errors:
        raise JsonataError(str(program.errors[0]))
    program.set_output_convert_nulls(False)
    program.set_validate_input(False)
    nodes = list(walk(program.ast))
    names = frozenset(str(node.value) for node in nodes if node.type == "variable" and node.value)
    return Compiled(text, program, names, _members(nodes), _why_slow(nodes))


def _members(nodes: list[Any]) -> frozenset[str] | None:
    found: set[str] = set()
    known: set[int] = set()
    for node in nodes:
        if node.type == "path" and len(node.steps) > 1 and node.steps[0].value == "states":
            first, second = node.steps[0], node.steps[1]
            if (
                first.type == "variable"
                and second.type == "name"
                and not (first.predicate or first.stages or first.focus)
            ):
                found.add(str(second.value))
                known.add(id(first))
    whole = any(node.type == "variable" and node.value == "states" and id(node) not in known for node in nodes)
    return None if whole else frozenset(found)


def walk(tree: Any) -> Iterator[Any]:
    """Every node of an expression's tree."""
    waiting, seen = [tree], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, list | tuple):
            waiting.extend(item)
        elif isinstance(item, Parser.Symbol) and id(item) not in seen:
            seen.add(id(item))
            yield item
            waiting.extend(value for value in vars(item).values() if isinstance(value, list | tuple | Parser.Symbol))


def _why_slow(nodes: list[Any]) -> str:
    called = {str(node.procedure.value) for node in nodes if node.type == "function" and node.procedure is not None}
    local = {str(node.lhs.value) for node in nodes if node.type == "bind" and node.rhs.type == "lambda"}
    for node in nodes:
        if node.type == "lambda":
            local |= {str(argument.value) for argument in node.arguments or ()}
    for node in nodes:
        if node.type == "regex":
            return "a regular expression"
        if node.type == "binary" and node.value == ".." and not _is_small(node):
            return "a range of unknown or great length"
        if node.type == "function" and node.procedure is not None and str(node.procedure.value) in _GROWING:
            computed = [argument for argument in (node.arguments or ())[1:] if argument.type != "string"]
            if any(argument.type != "number" or argument.value > _LONGEST_LITERAL_RANGE for argument in computed):
                return f"${node.procedure.value} with computed or great arguments"
        if node.type == "lambda" and any(inner.type == "lambda" for inner in walk(node.body)):
            return "a function inside a function"
    if called & local:
        return "functions of its own"
    if "formatInteger" in called:
        return "$formatInteger with numbers of any length"
    # A value that is made of itself again and again is small until something goes through all of it.
    if any(_multiplies(node) for node in nodes) and (called & _THOROUGH or any(_compares(node) for node in nodes)):
        return "values made many times over, and gone through"
    return ""


def _multiplies(node: Any) -> bool:
    if node.type in ("bind", "lambda", "transform"):
        return True
    return node.type == "path" and any(step.type in ("unary", "block") for step in node.steps[1:])


def _compares(node: Any) -> bool:
    return (node.type == "binary" and node.value in ("=", "!=", "in")) or node.type in ("descendant", "transform")


def _is_small(node: Any) -> bool:
    ends = [_literal(node.lhs), _literal(node.rhs)]
    return None not in ends and ends[1] - ends[0] <= _LONGEST_LITERAL_RANGE  # type: ignore[operator]


def _literal(node: Any) -> int | None:
    return int(node.value) if node.type == "number" else None
