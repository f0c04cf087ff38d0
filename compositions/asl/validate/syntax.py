"""Checks of what stands inside strings: paths, intrinsic functions, JSONata, timestamps and resources."""

import re
from typing import Any, Final

from compositions.asl import timestamps
from compositions.asl.intrinsics import Intrinsic, IntrinsicError
from compositions.asl.jsonata.parsing import Compiled, JsonataError, compile_expression, expression_of, walk
from compositions.asl.paths import Path, PathError
from compositions.asl.paths.parsing import CONTEXT, INPUT
from compositions.asl.validate.integrations import check_pattern
from compositions.asl.validate.problems import (
    EXPRESS,
    INVALID_JSONATA_EXPRESSION,
    UNSUPPORTED_JSONATA_EXPRESSION,
    Site,
    shown,
)
from compositions.asl.values import Json

_ARN: Final = re.compile(r"arn:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]*:\S.*", re.S)
_INTEGRATION: Final = re.compile(
    r"arn:[^:]+:states:[^:]*:[^:]*:(?P<service>[^:.]+):(?P<action>[^:.]+(?::[^:.]+)?)(?P<how>\..+)?"
)
_PATTERNS: Final = (".sync", ".sync:2", ".waitForTaskToken")
_WITH_RESULT: Final = ("Task", "Parallel", "Map")
# Parts of a JSONata node that see the same document as the node itself.
_MEMBERS: Final = (
    "procedure", "arguments", "body", "lhs", "rhs", "lhs_object", "expression", "expressions", "condition", "then",
    "_else",
)  # fmt: skip
_ACTIVITY: Final = re.compile(r"arn:[^:]+:states:[^:]+:[^:]+:activity:\S+")


def compiled_path(text: str) -> Path | None:
    try:
        return Path(text)
    except (PathError, RecursionError):
        return None


def path(site: Site, value: Json) -> None:
    """A JSONPath of the input, the context object or a variable."""
    if not isinstance(value, str):
        site.expected("String", value, "Write a JSONPath such as $.order.")
    elif compiled_path(value) is None:
        site.problem(
            f"Value is not a valid JSONPath: {shown(value)!r}. Begin with $ and name fields, as in $.order.id."
        )


def nullable_path(site: Site, value: Json) -> None:
    if value is not None:
        path(site, value)


def reference_path(site: Site, value: Json) -> None:
    """A path to one place in the input or a variable; the context object is out of reach."""
    _reference(site, value, context=False)


def reference_path_or_context(site: Site, value: Json) -> None:
    _reference(site, value, context=True)


def _reference(site: Site, value: Json, *, context: bool) -> None:
    if not isinstance(value, str):
        site.expected("String", value, "Write a reference path such as $.order.id.")
        return
    found = compiled_path(value)
    if found is None or not found.is_reference or (found.root is CONTEXT and not context):
        where = "" if context or found is None or found.root is not CONTEXT else " The context object is not available."
        site.problem(f"Value is not a Reference Path: {shown(value)!r}.{where} Name one place, as in $.order.items[0].")


def result_path(site: Site, value: Json) -> None:
    """Where a result goes: one place in the input, or null."""
    if value is None:
        return
    if not isinstance(value, str):
        site.expected("String", value, "Write a reference path such as $.answer, or null to discard the result.")
        return
    found = compiled_path(value)
    if found is None or not found.is_reference or found.root is not INPUT:
        site.problem(f"Value is not a Reference Path: {shown(value)!r}. Name one place in the input, as in $.answer.")


def path_or_call(site: Site, value: Json) -> None:
    """ErrorPath and CausePath: a JSONPath or an intrinsic function."""
    if not isinstance(value, str):
        site.expected("String", value, "Write a JSONPath or an intrinsic function.")
    elif reason := _not_a_reference(value):
        site.problem(f"Value is not a valid JSONPath or intrinsic function call: {reason}.")


def _not_a_reference(text: str) -> str:
    """Why a text is neither path nor call; empty if it is one."""
    try:
        if text.startswith("$"):
            Path(text)
        elif text[:1].isspace():
            return "it begins with a space; remove it"
        else:
            Intrinsic(text)
    except (PathError, IntrinsicError) as error:
        return str(error)
    except RecursionError:
        return "it nests too deeply"
    return ""


def payload_template(site: Site, value: Json) -> None:
    """A JSONPath payload template: members whose name ends in .$ hold a path or an intrinsic function."""
    if not isinstance(value, dict):
        site.expected("Object", value, "Write an object; names that end in .$ take their value from a path.")
        return
    waiting: list[tuple[Site, Json]] = [(site, value)]
    while waiting:
        here, part = waiting.pop()
        if isinstance(part, list):
            waiting.extend((here.at(i), item) for i, item in enumerate(part))
        elif isinstance(part, dict):
            for name, item in part.items():
                if isinstance(name, str) and name.endswith(".$"):
                    _dynamic_member(here, name, item)
                elif isinstance(item, dict | list):
                    waiting.append((here.at(str(name)), item))


def _dynamic_member(site: Site, name: str, value: Json) -> None:
    reason = _not_a_reference(value) if isinstance(value, str) else "it is not a string"
    if reason:
        site.problem(
            f"The value for the field '{shown(name)}' must be a valid JSONPath or a valid intrinsic function call: "
            f"{reason}. Write a path such as $.order, or remove .$ from the name.",
            about=name,
        )


def jsonata_template(site: Site, value: Json) -> None:
    """Any JSON, with {% expressions %} in its strings."""
    waiting: list[tuple[Site, Json]] = [(site, value)]
    while waiting:
        here, part = waiting.pop()
        if isinstance(part, str):
            jsonata_string(here, part)
        elif isinstance(part, list):
            waiting.extend((here.at(i), item) for i, item in enumerate(part))
        elif isinstance(part, dict):
            waiting.extend((here.at(str(name)), item) for name, item in part.items())


def is_expression(value: Json) -> bool:
    return isinstance(value, str) and (value.startswith("{%") or value.endswith("%}"))


def jsonata_string(site: Site, value: str) -> None:
    if not is_expression(value):
        return
    expression = expression_of(value) if len(value) >= 4 else None
    if expression is None:
        site.problem(
            "A JSONata expression must begin with {% and end with %}, without spaces outside. Complete the pair.",
            INVALID_JSONATA_EXPRESSION,
        )
        return
    try:
        compiled = compile_expression(expression)
        _names(site, compiled)
    except JsonataError as error:
        site.problem(f"{error}. Mend the JSONata expression.", INVALID_JSONATA_EXPRESSION)
    except LookupError:  # the library's parser stumbles over an operator that it does not know
        site.problem("The expression cannot be read. Mend the JSONata expression.", INVALID_JSONATA_EXPRESSION)


def _names(site: Site, compiled: Compiled) -> None:
    """Names that read what Step Functions does not offer there: the top level, $$, errorOutput, result."""
    tree = compiled.program.ast
    for name in dict.fromkeys(_top_level(tree)):
        site.problem(
            f"Reference to '{shown(name)}' at the top level is not supported. "
            "Begin with $states.input, or with a variable.",
            UNSUPPORTED_JSONATA_EXPRESSION,
        )
    if "$" in compiled.names:
        site.problem("'$$' is not supported. Read $states.input instead.", UNSUPPORTED_JSONATA_EXPRESSION)
    members = {_member_of_states(node) for node in walk(tree)}
    if "errorOutput" in members and site.field != "Catch":
        site.problem(
            "'$states.errorOutput' is available in a Catch only. Read it in the Output or Assign of a catcher.",
            UNSUPPORTED_JSONATA_EXPRESSION,
        )
    if "result" in members and not (site.field in ("Output", "Assign") and site.kind in _WITH_RESULT):
        site.problem(
            "'$states.result' is available in the Output and the Assign of a Task, a Parallel and a Map only. Read "
            "$states.input, or keep the result in a variable.",
            UNSUPPORTED_JSONATA_EXPRESSION,
        )


def _member_of_states(node: Any) -> str | None:
    """`x` of a path that begins with $states.x."""
    steps = node.steps if node.type == "path" else None
    if not steps or len(steps) < 2 or (steps[0].type, steps[0].value) != ("variable", "states"):
        return None
    return str(steps[1].value) if steps[1].type == "name" else None


def _top_level(tree: Any) -> list[str]:
    """The names that are read from the document an expression is given; Step Functions gives none."""
    names: list[str] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list | tuple):
            waiting.extend(node)
        elif node is not None and hasattr(node, "type"):
            if node.type == "name":
                names.append(str(node.value))
            elif node.type == "path":
                waiting.append(node.steps[0])  # later steps, predicates and groups read what the first one gives
            elif node.type != "variable":
                waiting.extend(_inside(node))
    return names


def _inside(node: Any) -> list[Any]:
    return [getattr(node, member, None) for member in _MEMBERS if member != "arguments" or node.type != "lambda"]


def timestamp(site: Site, value: Json) -> None:
    if not isinstance(value, str):
        site.expected("String", value, "Write a timestamp such as 2030-01-31T12:00:00Z.")
    elif timestamps.parse(value) is None:
        site.problem("String does not match RFC3339 timestamp. Write it as in 2030-01-31T12:00:00Z.")


def resource(site: Site, value: Json) -> None:
    """The Resource of a Task: an ARN, of any service."""
    if not isinstance(value, str):
        site.expected("String", value, "Write the ARN of a task.")
    elif not _ARN.fullmatch(value):
        site.problem(
            f"Value is not a valid resource ARN: {shown(value)!r}. Write one such as arn:aws:states:::http:invoke."
        )
    elif ":states:::" in value:
        _integration(site, value)
    elif site.machine_type == EXPRESS and _ACTIVITY.fullmatch(value):
        site.problem("Express state machine does not support activities. Use another resource, or a Standard machine.")


def _integration(site: Site, value: str) -> None:
    found = _INTEGRATION.fullmatch(value)
    how = found["how"] if found else None
    if found is None or (how is not None and how not in _PATTERNS):
        site.problem(
            f"Value is not a valid resource ARN: {shown(value)!r}. Write arn:aws:states:::service:action, followed by "
            f"nothing or one of {', '.join(_PATTERNS)}."
        )
    elif how is not None and site.machine_type == EXPRESS:
        pattern = how.removesuffix(":2")
        site.problem(
            f"Express state machine does not support '{pattern}' service integration. Remove the suffix, or use a "
            "Standard machine."
        )
    elif how is not None:
        check_pattern(site, found["service"], how)
