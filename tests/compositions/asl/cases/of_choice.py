"""Cases of Choice: every operator against a literal and against a path, where it holds and where it does not."""

from tests.compositions.asl.cases.case import Case, Cases


def state(*rules, **fields):
    return {"Type": "Choice", "Choices": [{"Next": "Other", **rule} for rule in rules], "Default": "After", **fields}


EARLY, LATE = "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.001Z"
# kind: (less, more)
ORDERED = {"String": ("a", "b"), "Numeric": (1, 1.5), "Timestamp": (EARLY, LATE)}
# order: whether it holds for (less, more), (more, less) and (less, less)
ORDERS = {
    "Equals": (False, False, True),
    "LessThan": (True, False, False),
    "LessThanEquals": (True, False, True),
    "GreaterThan": (False, True, False),
    "GreaterThanEquals": (False, True, True),
}
# operator: its operand, what it holds for, what it does not
OTHERS = {
    "BooleanEquals": (True, True, False),
    "StringMatches": ("log-*.txt", "log-1.txt", "log.txt"),
    "IsNull": (True, None, 0),
    "IsPresent": (True, None, ...),
    "IsNumeric": (True, 0, "0"),
    "IsString": (True, "", 0),
    "IsBoolean": (True, False, 0),
    "IsTimestamp": (True, EARLY, "2024"),
}


def going(says, rule, value, holds):
    return Case(says, state(rule), value, output=value, to="Other" if holds else "After")


def compared():
    for kind, (less, more) in ORDERED.items():
        pairs = ((less, more), (more, less), (less, less))
        for order, verdicts in ORDERS.items():
            for (left, right), holds in zip(pairs, verdicts, strict=True):
                value, says = {"v": left, "w": right}, f"{kind}{order} of {left} and {right}"
                yield going(says, {"Variable": "$.v", kind + order: right}, value, holds)
                yield going(f"{says} of a path", {"Variable": "$.v", f"{kind}{order}Path": "$.w"}, value, holds)
            other = {"v": [less], "w": less}
            yield going(f"{kind}{order} of another type", {"Variable": "$.v", kind + order: less}, other, False)
    for operator, (operand, *values) in OTHERS.items():
        for value, holds in zip(values, (True, False), strict=True):
            given = {} if value is ... else {"v": value}
            yield going(f"{operator} of {value}", {"Variable": "$.v", operator: operand}, given, holds)
            if operator.startswith("Is"):
                yield going(f"{operator} not of {value}", {"Variable": "$.v", operator: False}, given, not holds)
    for value in (True, False):
        yield going(
            f"BooleanEqualsPath of {value}",
            {"Variable": "$.v", "BooleanEqualsPath": "$.w"},
            {"v": True, "w": value},
            value,
        )


ONE, TWO = ({"Variable": "$.a", "NumericEquals": number} for number in (1, 2))
CHOICE = Cases(
    path=[
        *compared(),
        *(
            going(f"And of {len(rules)}", {"And": rules}, {"a": 1}, holds)
            for rules, holds in (([ONE], True), ([ONE, TWO], False))
        ),
        *(
            going(f"Or of {len(rules)}", {"Or": rules}, {"a": 1}, holds)
            for rules, holds in (([TWO], False), ([TWO, ONE], True))
        ),
        going("Not of what holds", {"Not": ONE}, {"a": 1}, False),
        going("Not of what does not", {"Not": TWO}, {"a": 1}, True),
        going("rules nest", {"And": [ONE, {"Or": [TWO, {"Not": {"And": [ONE, TWO]}}]}]}, {"a": 1}, True),
        going("a variable is compared", {"Variable": "$x", "NumericEquals": 5, "Comment": "why"}, {}, True),
        going("the context is compared", {"Variable": "$$.State.Name", "StringEquals": "State"}, {}, True),
        going("a path of a variable is compared", {"Variable": "$.a", "NumericLessThanPath": "$x"}, {"a": 1}, True),
        Case(
            "the first rule that holds decides", state(TWO, ONE, {**ONE, "Next": "After"}), output={"a": 1}, to="Other"
        ),
        Case("begins at its input path", state(ONE, InputPath="$.i"), {"i": {"a": 1}}, {"a": 1}, to="Other"),
        Case("leaves by its output path", state(ONE, OutputPath="$.a"), output=1, to="Other"),
        Case(
            "a rule assigns", state({**ONE, "Assign": {"y.$": "$.a"}}), output={"a": 1}, to="Other", assigned={"y": 1}
        ),
        Case("the default assigns", state(TWO, Assign={"y.$": "$x"}), output={"a": 1}, assigned={"y": 5}),
        Case(
            "a rule's assignments take the place of the state's",
            state({**ONE, "Assign": {"y": 1}}, Assign={"z": 2}),
            output={"a": 1},
            to="Other",
            assigned={"y": 1},
        ),
        Case("says why", state(ONE, Comment="why"), output={"a": 1}, to="Other"),
        Case(
            "is written in its own language",
            {**state({"Condition": "{% $x = 5 %}"}), "QueryLanguage": "JSONata"},
            output={"a": 1},
            to="Other",
        ),
        Case(
            "needs a way on",
            {"Type": "Choice", "Choices": [{**TWO, "Next": "Other"}]},
            error="States.Runtime",
            cause="does not point to a next state",
        ),
    ],
    query=[
        Case("a condition holds", state({"Condition": "{% $states.input.a = 1 %}"}), output={"a": 1}, to="Other"),
        Case("a condition does not", state({"Condition": "{% $x = 1 %}"}), output={"a": 1}),
        Case("a condition is plain", state({"Condition": True, "Comment": "ever"}), output={"a": 1}, to="Other"),
        Case(
            "a rule has an output and assigns",
            state({"Condition": True, "Output": "{% $x %}", "Assign": {"y": "{% $states.input.a %}"}}),
            output=5,
            to="Other",
            assigned={"y": 1},
        ),
        Case(
            "the default has an output and assigns",
            state({"Condition": False, "Output": 1}, Output="{% $x %}", Assign={"y": 2}, Comment="why"),
            output=5,
            assigned={"y": 2},
        ),
        Case("needs a boolean", state({"Condition": "{% 1 %}"}), error="States.QueryEvaluationError"),
        Case(
            "is written in its own language",
            {**state({"Condition": True}), "QueryLanguage": "JSONata"},
            output={"a": 1},
            to="Other",
        ),
    ],
)
