"""Choice rules: JSONPath comparisons with And, Or and Not around them, and JSONata conditions."""

from typing import Final

from compositions.asl.validate.objects import Field, Fields, Shape, array, jsonata, jsonpath
from compositions.asl.validate.problems import Check, Site
from compositions.asl.validate.scalars import boolean, number, text
from compositions.asl.validate.syntax import (
    is_expression,
    jsonata_string,
    jsonata_template,
    reference_path_or_context,
    timestamp,
)
from compositions.asl.validate.variables import assign
from compositions.asl.values import Json

_ORDERS: Final = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_ORDERED: Final[dict[str, Check]] = {"String": text, "Numeric": number, "Timestamp": timestamp}
OPERATORS: Final[dict[str, Check]] = {
    **{kind + order: check for kind, check in _ORDERED.items() for order in _ORDERS},
    **{kind + order + "Path": reference_path_or_context for kind in _ORDERED for order in _ORDERS},
    "BooleanEquals": boolean,
    "BooleanEqualsPath": reference_path_or_context,
    "StringMatches": text,
    **{f"Is{kind}": boolean for kind in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")},
}
COMBINED: Final = ("And", "Or", "Not")


def _later(site: Site, value: Json) -> None:
    """And, Or and Not are taken apart by `choices`, which does not recurse."""


def _condition(site: Site, value: Json) -> None:
    if is_expression(value):
        jsonata_string(site, value)
    elif not isinstance(value, bool):
        site.problem("Condition must be a JSONata expression. Write it as in {% $states.input.total > 10 %}.")


_TESTS: Final[Fields] = {
    "Comment": Field(text),
    "Variable": jsonpath(reference_path_or_context),
    **{name: jsonpath(check) for name, check in OPERATORS.items()},
    **{name: jsonpath(_later) for name in COMBINED},
}
_NESTED: Final = Shape(_TESTS, at_most_one=((*COMBINED, *OPERATORS),))
RULE: Final = Shape(
    {
        **_TESTS,
        "Condition": jsonata(_condition),
        "Next": Field(text),
        "Assign": Field(assign),
        "Output": jsonata(jsonata_template),
    },
    required=("Next",),
    at_most_one=((*COMBINED, *OPERATORS),),
)


def choices(site: Site, value: Json) -> None:
    """The rules of a Choice state."""
    waiting = [(place, rule, RULE) for place, rule in array(site, value, least=1)]
    waiting.reverse()
    while waiting:
        here, rule, shape = waiting.pop()
        if not shape.check(here, rule):
            continue
        if here.is_jsonata:
            if "Condition" not in rule:
                here.problem("These fields are required: [Condition]. Add Condition with a {% JSONata expression %}.")
            continue
        _complete(here, rule)
        for name in ("Or", "And"):
            if name in rule:
                waiting.extend((place, inner, _NESTED) for place, inner in array(here.at(name), rule[name], least=1))
        if "Not" in rule:
            waiting.append((here.at("Not"), rule["Not"], _NESTED))


def _complete(site: Site, rule: dict[str, Json]) -> None:
    operators = [name for name in OPERATORS if name in rule]
    combined = [name for name in COMBINED if name in rule]
    if operators and "Variable" not in rule:
        site.problem(f"These fields are required: [Variable]. Add Variable with the path that {operators[0]} looks at.")
    if not operators and not combined:
        site.problem("The rule compares nothing. Add Variable and an operator such as StringEquals, or And, Or or Not.")
    if combined and "Variable" in rule:
        site.problem(
            f"Field 'Variable' is not supported beside '{combined[0]}'. Move it into a rule inside {combined[0]}.",
            about="Variable",
        )
