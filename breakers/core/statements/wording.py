"""A statement in plain words: "path starts with /api/ and not (IP in 10.0.0.0/8)"."""

from typing import Any

from .predicates import listed

SHOWN = 4
VERBS = {"is": "is", "starts": "starts with", "ends": "ends with", "contains": "contains"}


def sentence(tree: dict[str, Any]) -> str:
    """The statement in one sentence without its full stop; long lists are cut short."""
    for kind, body in tree.items():
        match kind:
            case "all" | "any":
                if len(body) == 1:
                    return sentence(body[0])
                word = " and " if kind == "all" else " or "
                return word.join(_grouped(branch) for branch in body)
            case "not":
                return f"not ({sentence(body)})"
            case "ip":
                return f"IP in {_list(listed(body))}"
            case "forwarded_ip":
                return f"forwarded IP in {_list(listed(body))}"
            case "path":
                return f"path {_condition(body)}"
            case "method":
                return f"method is {_list(listed(body))}"
            case "header":
                return f"header {body['name']} {_condition(body)}"
            case "query":
                return f"query parameter {body['name']} {_condition(body)}"
            case "label":
                return f"label {body} is on"
            case "size":
                return f"{body['of']} {'are' if body['of'] == 'headers' else 'is'} over {body['over']} bytes"
            case _:
                return f"{kind}?"
    return "every request"


def _grouped(tree: dict[str, Any]) -> str:
    several = any(kind in ("all", "any") and len(body) > 1 for kind, body in tree.items())
    return f"({sentence(tree)})" if several else sentence(tree)


def _condition(condition: dict[str, Any]) -> str:
    if "present" in condition:
        return "is there" if condition["present"] else "is missing"
    for operator, verb in VERBS.items():
        if operator in condition:
            case = ", in any case" if condition.get("ignore_case") else ""
            return f"{verb} {_list([word or '(empty)' for word in listed(condition[operator])])}{case}"
    return "compares with nothing"


def _list(words: list[str]) -> str:
    """At most SHOWN of them, joined with commas and "or"."""
    shown = words[:SHOWN]
    if len(words) > SHOWN:
        return f"{', '.join(shown)} or {len(words) - SHOWN} more"
    return " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
