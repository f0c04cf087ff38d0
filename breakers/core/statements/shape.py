"""Judges the JSON tree of a statement: everything wrong with it, where, and what to write instead."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from breakers.core.networks import parse_network

DEEPEST = 10
MOST_LEAVES = 200
MOST_VALUES = 1000
MOST_NETWORKS = 10_000
LONGEST_VALUE = 1000
LARGEST_SIZE = 2**40

OPERATORS = ("is", "starts", "ends", "contains", "present")
SIZES = ("body", "headers", "query", "path")
LEAVES = ("ip", "forwarded_ip", "path", "method", "header", "query", "label", "size")
KINDS = ("all", "any", "not", *LEAVES)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,99}")
LABEL_RULE = "Use up to 100 letters, digits and `:._-`, with a letter or digit first."


class Fault(NamedTuple):
    """What is wrong at one place of the tree: `path` as in `statement.all[0].header.name`, and what would be right."""

    path: str
    code: str
    message: str
    remedy: str

    @property
    def text(self) -> str:
        return f"{self.message} {self.remedy}"


def problems(tree: Any, at: str = "statement") -> list[Fault]:
    """Everything wrong with `tree`, in reading order; an empty list when it can be compiled."""
    found = list(_statement(tree, at, 1))
    if not found and (leaves := _count(tree)) > MOST_LEAVES:
        text = f"The statement has {leaves} conditions."
        found.append(Fault(at, "too_large", text, f"Use at most {MOST_LEAVES}, or split it into rules with labels."))
    return found


def _statement(tree: Any, at: str, depth: int) -> Iterator[Fault]:
    if not isinstance(tree, dict):
        yield Fault(at, "invalid", "A statement is a JSON object.", 'Write {"path": {"starts": "/api/"}}, for one.')
        return
    if depth > DEEPEST:
        text = f"The statement is nested more than {DEEPEST} levels deep."
        yield Fault(at, "too_deep", text, "Join levels of the same kind, or split it into rules with labels.")
        return
    if len(tree) > 1:
        text = f"One statement asks one thing; this one has {', '.join(sorted(map(str, tree)))}."
        yield Fault(at, "several", text, 'Join them: {"all": [{…}, {…}]}.')
        return
    for kind, body in tree.items():
        place = f"{at}.{kind}"
        match kind:
            case "all" | "any":
                yield from _branches(body, place, depth)
            case "not":
                yield from _statement(body, place, depth + 1)
            case "ip" | "forwarded_ip":
                yield from _networks(body, place)
            case "path":
                yield from _condition(body, place, named=False)
            case "header" | "query":
                yield from _condition(body, place, named=True, token=kind == "header")
            case "method":
                yield from _methods(body, place)
            case "label":
                if not isinstance(body, str) or not LABEL.fullmatch(body):
                    yield Fault(place, "invalid", "This is not a label.", LABEL_RULE)
            case "size":
                yield from _size(body, place)
            case _:
                text = f"There is no statement “{kind}”."
                yield Fault(place, "unknown", text, f"Use one of {', '.join(KINDS)}.")


def _branches(body: Any, at: str, depth: int) -> Iterator[Fault]:
    if not isinstance(body, list) or not body:
        yield Fault(at, "invalid", "A list of at least one statement belongs here.", 'Write [{"method": ["POST"]}].')
        return
    if len(body) > MOST_LEAVES:
        yield Fault(at, "too_large", f"{len(body)} statements are too many.", f"Use at most {MOST_LEAVES}.")
        return
    for index, branch in enumerate(body):
        yield from _statement(branch, f"{at}[{index}]", depth + 1)


def _networks(body: Any, at: str) -> Iterator[Fault]:
    words = _words(body)
    if words is None or not words or len(words) > MOST_NETWORKS:
        text = f"A list of 1 to {MOST_NETWORKS} addresses and networks belongs here."
        yield Fault(at, "invalid", text, 'Write ["10.0.0.0/8", "2001:db8::/32"].')
        return
    for index, word in enumerate(words):
        try:
            parse_network(word)
        except ValueError as error:
            text = f"{word[:60]} is not an address or network: {error}."
            yield Fault(f"{at}[{index}]", "network", text, "Write 10.0.0.0/8 or 192.0.2.7.")


def _methods(body: Any, at: str) -> Iterator[Fault]:
    words = _words(body)
    if words is None or not words or len(words) > 20:
        yield Fault(at, "invalid", "A list of methods belongs here.", 'Write ["POST", "PUT"].')
        return
    for index, word in enumerate(words):
        if not TOKEN.fullmatch(word) or word != word.upper() or len(word) > 20:
            text = f"{word[:60]} is not a method."
            yield Fault(f"{at}[{index}]", "invalid", text, "Methods are in capitals, such as GET.")


def _condition(body: Any, at: str, *, named: bool, token: bool = False) -> Iterator[Fault]:
    """{"name": …, OPERATOR: …, "ignore_case": …}"""
    if not isinstance(body, dict):
        yield Fault(at, "invalid", "A condition is a JSON object.", f"Write {_example(named)}.")
        return
    known = {*OPERATORS, "ignore_case"} | ({"name"} if named else set())
    for name in body:
        if name not in known:
            text = f"A condition has no “{str(name)[:60]}”."
            yield Fault(f"{at}.{name}", "unknown", text, f"Use one of {', '.join(OPERATORS)}.")
    if named:
        yield from _name(body.get("name"), f"{at}.name", token=token)
    operators = [name for name in OPERATORS if name in body]
    if len(operators) != 1:
        text = "A condition compares in exactly one way."
        yield Fault(at, "operator", text, f"Use one of {', '.join(OPERATORS)}; join two conditions with all or any.")
    for operator in operators:
        yield from _operand(operator, body[operator], f"{at}.{operator}", named=named)
    if not isinstance(body.get("ignore_case", False), bool):
        yield Fault(f"{at}.ignore_case", "invalid", "This is not a yes or no.", "Use true or false.")


def _name(name: Any, at: str, *, token: bool) -> Iterator[Fault]:
    if not isinstance(name, str) or not name or len(name) > 200:
        yield Fault(at, "required", "The name is missing.", "Say which one to look at.")
    elif token and not TOKEN.fullmatch(name):
        text = f"{name[:60]} is not the name of a header."
        yield Fault(at, "invalid", text, "Use letters, digits and hyphens, such as user-agent.")


def _operand(operator: str, value: Any, at: str, *, named: bool) -> Iterator[Fault]:
    if operator == "present":
        if not named:
            yield Fault(at, "invalid", "Every request has a path.", "Use present for a header or a query parameter.")
        elif not isinstance(value, bool):
            yield Fault(at, "invalid", "This is not a yes or no.", "Use true or false.")
        return
    words = _words(value)
    if words is None or not words or len(words) > MOST_VALUES:
        text = f"Text, or a list of 1 to {MOST_VALUES} texts, belongs here."
        yield Fault(at, "invalid", text, 'Write "/api/" or ["/api/", "/v2/"].')
        return
    for index, word in enumerate(words):
        place = f"{at}[{index}]" if isinstance(value, list) else at
        if len(word) > LONGEST_VALUE:
            yield Fault(place, "too_long", f"{len(word)} characters are too many.", f"Use at most {LONGEST_VALUE}.")
        elif not word and operator != "is":
            text = f"Every text {'contains' if operator == 'contains' else operator + ' with'} an empty one."
            yield Fault(place, "empty", text, "Use present: true to ask whether it is there at all.")
        elif not named and operator in ("is", "starts") and not word.startswith("/"):
            yield Fault(place, "invalid", "A path begins with a slash.", f"Write /{word[:60]}.")


def _size(body: Any, at: str) -> Iterator[Fault]:
    if not isinstance(body, dict) or set(body) != {"of", "over"}:
        yield Fault(at, "invalid", "A size has “of” and “over”.", 'Write {"of": "body", "over": 8192}.')
        return
    if body["of"] not in SIZES:
        yield Fault(f"{at}.of", "unknown", "There is no such size.", f"Use one of {', '.join(SIZES)}.")
    over = body["over"]
    if not isinstance(over, int) or isinstance(over, bool) or not 0 <= over <= LARGEST_SIZE:
        yield Fault(f"{at}.over", "invalid", "This is not a number of bytes.", "Use a whole number from 0 up.")


def _words(value: Any) -> list[str] | None:
    """Text or a list of texts as a list; None for anything else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return value
    return None


def _count(tree: Any) -> int:
    for kind, body in tree.items():
        if kind in ("all", "any"):
            return sum(_count(branch) for branch in body)
        return _count(body) if kind == "not" else 1
    return 0


def _example(named: bool) -> str:
    return '{"name": "user-agent", "contains": "curl"}' if named else '{"starts": "/api/"}'
