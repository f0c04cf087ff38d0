"""Random machines of every state type, in either query language, and inputs for them."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

NAMES = ["A", "B", "C", "D"]
ERRORS = ["States.ALL", "States.TaskFailed", "States.Timeout", "E1", "E2"]
PATHS = [
    "$",
    "$.a",
    "$.a.b",
    "$.list[0]",
    "$.list[*]",
    "$$.State.Name",
    "$x",
    "$.list[?(@.n > 1)]",
    "$..b",
    "$$",
    "$.none",
]
CALLS = [
    *("States.UUID()", "States.Format('{}-{}', $.a, $x)", "States.ArrayLength($.list)", "States.MathAdd($.a, 1)"),
    *(
        "States.ArrayGetItem($.list, 0)",
        "States.StringToJson($.a)",
        "States.ArrayUnique($.list)",
        "States.Array($, $$)",
    ),
    "States.JsonMerge($, $.a, false)",
]
EXPRESSIONS = [
    *(
        "$states.input",
        "$states.input.a",
        "$x",
        "$sum($states.input.list)",
        "$states.input.list[n > 1]",
        "1 + $states.input.a",
    ),
    *(
        "$states.result",
        "$states.context",
        "$uuid()",
        "$random()",
        "$string($states.input)",
        "$map($states.input.list, $string)",
    ),
    *(
        "$states.errorOutput",
        "null",
        "[1..5]",
        "$partition($states.input.list, 2)",
        "$keys($states.input)",
        "$exists($x)",
    ),
    *(
        "$states.input.a > 1",
        "$states.input.**.n",
        "$",
        "$parse('[null]')",
        "{'a': $states.input}",
        "$states.input ~> $type",
    ),
]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "n", "list"]), inner, max_size=3)
    ),
    max_leaves=8,
)
seconds = st.sampled_from([0, 1, 3, 60, "{% $states.input.a %}"])
inputs = values | st.fixed_dictionaries(
    {"a": values, "list": st.lists(st.fixed_dictionaries({"n": st.integers(0, 3)}), max_size=3)}
)
paths = st.sampled_from(PATHS)
dynamic = st.sampled_from(PATHS + CALLS)
expressions = st.sampled_from(EXPRESSIONS).map(lambda text: "{% " + text + " %}")
templates = st.dictionaries(st.sampled_from(["p.$", "q.$"]), dynamic, max_size=2) | values
queries = expressions | st.dictionaries(st.sampled_from(["p", "q"]), expressions | values, max_size=2)
names = st.lists(st.sampled_from(ERRORS), min_size=1, max_size=2)
targets = st.sampled_from(NAMES)
retries = st.lists(
    st.fixed_dictionaries(
        {"ErrorEquals": names},
        optional={
            "MaxAttempts": st.integers(0, 2),
            "JitterStrategy": st.just("FULL"),
            "IntervalSeconds": st.integers(1, 9),
        },
    ),
    max_size=2,
)


def maybe(**fields: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return fields


def catches(is_jsonata: bool) -> st.SearchStrategy[Any]:
    optional = (
        maybe(Output=queries, Assign=st.fixed_dictionaries({"x": queries})) if is_jsonata else maybe(ResultPath=paths)
    )
    return st.lists(st.fixed_dictionaries({"ErrorEquals": names, "Next": targets}, optional=optional), max_size=2)


def flow(is_jsonata: bool) -> dict[str, st.SearchStrategy[Any]]:
    if is_jsonata:
        return maybe(Output=queries, Assign=st.fixed_dictionaries({"x": queries}))
    assign = st.dictionaries(st.sampled_from(["x", "x.$"]), dynamic, max_size=1)
    return maybe(InputPath=paths | st.none(), OutputPath=paths | st.none(), Assign=assign)


@st.composite
def states(draw: st.DrawFn, is_jsonata: bool, depth: int) -> Mapping[str, Any]:
    kinds = ["Pass", "Pass", "Choice", "Wait", "Succeed", "Fail", "Task", "Task"] + ["Parallel", "Map"] * (depth < 2)
    kind = draw(st.sampled_from(kinds))
    guarded = maybe(Retry=retries, Catch=catches(is_jsonata))
    merged = {} if is_jsonata else maybe(ResultPath=st.sampled_from(["$", "$.a", "$.a.b", "$.list[0]"]) | st.none())
    optional = {} if kind == "Fail" else flow(is_jsonata)
    given: dict[str, Any] = {"Type": kind}
    if kind == "Pass":
        optional |= merged | ({} if is_jsonata else maybe(Parameters=templates, Result=values))
    elif kind == "Choice":
        if is_jsonata:
            rule = st.fixed_dictionaries({"Condition": expressions | st.booleans(), "Next": targets})
        else:
            tests = maybe(NumericGreaterThan=st.integers(0, 3), IsPresent=st.booleans(), StringMatches=st.just("*a*"))
            test = st.sampled_from(sorted(tests)).flatmap(lambda name: st.fixed_dictionaries({name: tests[name]}))
            rule = st.builds(
                lambda variable, test, to: {"Variable": variable, **test, "Next": to}, paths, test, targets
            )
        given["Choices"] = draw(st.lists(rule, min_size=1, max_size=2))
        optional = maybe(Default=targets)
    elif kind == "Wait":
        field = draw(
            st.sampled_from(["Seconds", "Timestamp"] if is_jsonata else ["Seconds", "SecondsPath", "TimestampPath"])
        )
        given[field] = draw(paths if field.endswith("Path") else seconds if field == "Seconds" else expressions)
    elif kind == "Fail":
        optional = maybe(Error=st.sampled_from(ERRORS), Cause=st.text(max_size=3))
    elif kind == "Task":
        given["Resource"] = draw(st.sampled_from(["good", "bad", "slow", "flaky"]))
        optional |= guarded | merged | maybe(TimeoutSeconds=st.integers(1, 9), HeartbeatSeconds=st.integers(1, 9))
        optional |= maybe(Arguments=queries) if is_jsonata else maybe(Parameters=templates, ResultSelector=templates)
    elif kind == "Parallel":
        given["Branches"] = draw(st.lists(workflows(is_jsonata, depth + 1), min_size=1, max_size=3))
        optional |= guarded | merged
    elif kind == "Map":
        processor = dict(draw(workflows(is_jsonata, depth + 1)))
        processor["ProcessorConfig"] = {"Mode": draw(st.sampled_from(["INLINE", "DISTRIBUTED"]))}
        given["ItemProcessor"] = processor
        optional |= guarded | merged | maybe(MaxConcurrency=st.integers(0, 3), ToleratedFailureCount=st.integers(0, 2))
        optional |= maybe(Items=queries) if is_jsonata else maybe(ItemsPath=paths, ItemSelector=templates)
    given |= draw(st.fixed_dictionaries({}, optional=optional))
    if kind not in ("Choice", "Succeed", "Fail"):
        given |= draw(st.just({"End": True}) | targets.map(lambda name: {"Next": name}))
    return given


@st.composite
def workflows(draw: st.DrawFn, is_jsonata: bool, depth: int = 0) -> Mapping[str, Any]:
    return {"StartAt": "A", "States": {name: draw(states(is_jsonata, depth)) for name in NAMES}}


machines = st.booleans().flatmap(
    lambda is_jsonata: workflows(is_jsonata).map(
        lambda workflow: {**workflow, "QueryLanguage": "JSONata"} if is_jsonata else workflow
    )
)
