"""Turns a statement into a function of a request's traits. A statement without a problem always compiles."""

from collections.abc import Callable, Sequence
from typing import Any

from breakers.core.networks import Networks

from .traits import Traits

Tree = dict[str, Any]
Predicate = Callable[[Traits], bool]
TextTest = Callable[[str], bool]


def compile_statement(tree: Tree) -> Predicate:
    """`{}` matches every request. A field that occurs several times matches when one of its values does."""
    for kind, body in tree.items():
        match kind:
            case "all":
                return _all([compile_statement(branch) for branch in body])
            case "any":
                return _any([compile_statement(branch) for branch in body])
            case "not":
                inner = compile_statement(body)
                return lambda traits: not inner(traits)
            case "ip":
                holds = Networks(listed(body)).holds
                return lambda traits: holds(traits.peer_number)
            case "forwarded_ip":
                holds = Networks(listed(body)).holds
                return lambda traits: holds(traits.client_number)
            case "path":
                test = text_test(body)
                return lambda traits: test(traits.path)
            case "method":
                methods = frozenset(listed(body))
                return lambda traits: traits.method in methods
            case "header":
                return _header(body["name"].lower().encode(), body)
            case "query":
                return _query(body["name"], body)
            case "label":
                return lambda traits: body in traits.labels
            case "size":
                return _size(body["of"], body["over"])
            case _:
                raise ValueError(f"there is no statement {kind!r}")
    return lambda traits: True


def listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def text_test(condition: Tree) -> TextTest:
    """The comparison of a condition, other than `present`, as a function of one text."""
    plain = _comparison(condition)
    if condition.get("ignore_case"):
        return lambda text: plain(text.casefold())
    return plain


def _comparison(condition: Tree) -> TextTest:
    fold = condition.get("ignore_case", False)
    for operator in ("is", "starts", "ends", "contains"):
        if operator not in condition:
            continue
        words = tuple(word.casefold() if fold else word for word in listed(condition[operator]))
        if operator == "is":
            return frozenset(words).__contains__
        if operator == "starts":
            return lambda text: text.startswith(words)
        if operator == "ends":
            return lambda text: text.endswith(words)
        if len(words) == 1:
            (word,) = words
            return lambda text: word in text
        return lambda text: any(word in text for word in words)
    raise ValueError("the condition compares with nothing")


def _all(branches: Sequence[Predicate]) -> Predicate:
    if len(branches) == 2:
        one, two = branches
        return lambda traits: one(traits) and two(traits)
    return lambda traits: all(branch(traits) for branch in branches)


def _any(branches: Sequence[Predicate]) -> Predicate:
    return lambda traits: any(branch(traits) for branch in branches)


def _header(name: bytes, condition: Tree) -> Predicate:
    if "present" in condition:
        wanted = condition["present"]
        return lambda traits: any(field == name for field, _ in traits.headers) is wanted
    test = text_test(condition)
    return lambda traits: any(test(value) for value in traits.header_values(name))


def _query(name: str, condition: Tree) -> Predicate:
    if "present" in condition:
        wanted = condition["present"]
        return lambda traits: any(field == name for field, _ in traits.query_pairs) is wanted
    test = text_test(condition)
    return lambda traits: any(test(value) for value in traits.query_values(name))


def _size(of: str, over: int) -> Predicate:
    match of:
        case "body":
            return lambda traits: traits.body_bytes > over
        case "headers":
            return lambda traits: traits.header_bytes > over
        case "query":
            return lambda traits: len(traits.query) > over
        case _:
            return lambda traits: len(traits.raw_path or traits.path) > over
