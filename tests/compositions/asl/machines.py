"""Random machines of every state type, in either query language, and inputs for them.

Wild ones mix everything that can be written, and most end soon; tame ones keep their data in shape and go far.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

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
inputs = values | st.fixed_dictionaries(
    {"a": values, "list": st.lists(st.fixed_dictionaries({"n": st.integers(0, 3)}), max_size=3)}
)
shaped = st.fixed_dictionaries(
    {"a": st.integers(0, 3), "list": st.lists(st.fixed_dictionaries({"n": st.integers(0, 3)}), min_size=1, max_size=3)}
)
names = st.lists(st.sampled_from(ERRORS), min_size=1, max_size=2)
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


def marked(texts: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(texts).map(lambda text: "{% " + text + " %}")


class Pool(NamedTuple):
    """What the fields of a machine are drawn from."""

    paths: st.SearchStrategy[Any]
    dynamic: st.SearchStrategy[Any]
    queries: st.SearchStrategy[Any]
    conditions: st.SearchStrategy[Any]
    results: st.SearchStrategy[Any]
    narrows: bool


WILD = Pool(
    st.sampled_from(PATHS),
    st.sampled_from(PATHS + CALLS),
    marked(EXPRESSIONS) | st.dictionaries(st.sampled_from(["p", "q"]), marked(EXPRESSIONS) | values, max_size=2),
    marked(EXPRESSIONS) | st.booleans(),
    st.sampled_from(["$", "$.a", "$.a.b", "$.list[0]"]) | st.none(),
    narrows=True,
)
TAME = Pool(
    st.sampled_from(["$", "$.a", "$.list", "$$.State.Name"]),
    st.sampled_from(["$", "$.list", "$$.State.Name", "$.list[*].n", *CALLS[:1], *CALLS[2:4]]),
    marked(
        [
            "$states.input",
            "$merge([$states.input, {'b': $sum($states.input.list.n)}])",
            "$merge([$states.input, {'t': $states.context.State.EnteredTime, 'u': $uuid()}])",
        ]
    ),
    marked(["$states.input.a > 1", "$exists($states.input.b)", "$count($states.input.list) = 1"]),
    st.sampled_from(["$.r", "$.b", "$.list[0].r"]) | st.none(),
    narrows=False,
)


def targets(name: str) -> st.SearchStrategy[str]:
    """Forwards, mostly."""
    later = NAMES[NAMES.index(name) + 1 :]
    return st.sampled_from(later * 4 + NAMES[:1] + NAMES[-1:])


def catches(pool: Pool, is_jsonata: bool, name: str) -> st.SearchStrategy[Any]:
    assign = st.fixed_dictionaries({"x": pool.queries})
    optional = {"Output": pool.queries, "Assign": assign} if is_jsonata else {"ResultPath": pool.results}
    given = {"ErrorEquals": names, "Next": targets(name)} | ({} if is_jsonata or pool.narrows else optional)
    return st.lists(st.fixed_dictionaries(given, optional=optional if is_jsonata else {}), max_size=2)


def flow(pool: Pool, is_jsonata: bool) -> dict[str, st.SearchStrategy[Any]]:
    if is_jsonata:
        return {"Output": pool.queries, "Assign": st.fixed_dictionaries({"x": pool.queries})}
    assign = st.dictionaries(st.sampled_from(["x", "x.$"]), pool.dynamic, max_size=1)
    narrowing = {"InputPath": pool.paths | st.none(), "OutputPath": pool.paths | st.none()}
    return {"Assign": assign, **(narrowing if pool.narrows else {})}


@st.composite
def states(draw: st.DrawFn, pool: Pool, is_jsonata: bool, name: str, depth: int) -> Mapping[str, Any]:
    kinds = ["Pass", "Pass", "Choice", "Wait", "Task", "Task"] + ["Parallel", "Map"] * (depth < 2)
    kind = draw(st.sampled_from(kinds + ["Succeed", "Fail"] * (pool.narrows or name == NAMES[-1])))
    given: dict[str, Any] = {"Type": kind}
    templates = st.dictionaries(st.sampled_from(["p.$", "q.$"]), pool.dynamic, max_size=2) | values
    guarded = {"Retry": retries, "Catch": catches(pool, is_jsonata, name)}
    optional = {} if kind == "Fail" else flow(pool, is_jsonata)
    put = {} if is_jsonata else {"ResultPath": pool.results}
    if not pool.narrows and not is_jsonata and kind in ("Pass", "Task", "Parallel", "Map"):
        given["ResultPath"] = draw(pool.results)
    if not pool.narrows and is_jsonata and kind in ("Task", "Parallel", "Map"):
        given["Output"] = draw(pool.queries)
    if kind == "Pass":
        optional |= put | ({} if is_jsonata else {"Parameters": templates, "Result": values})
    elif kind == "Choice":
        given["Choices"] = draw(st.lists(rules(pool, is_jsonata, name), min_size=1, max_size=2))
        optional |= {"Default": targets(name)}
        if not pool.narrows:
            given["Default"] = draw(targets(name))
    elif kind == "Wait":
        given |= draw(waits(pool, is_jsonata))
    elif kind == "Fail":
        optional = {"Error": st.sampled_from(ERRORS), "Cause": st.text(max_size=3)}
    elif kind == "Task":
        given["Resource"] = draw(st.sampled_from(["good", "bad", "slow", "flaky"]))
        optional |= guarded | put | {"TimeoutSeconds": st.integers(1, 9), "HeartbeatSeconds": st.integers(1, 9)}
        optional |= (
            {"Arguments": pool.queries} if is_jsonata else {"Parameters": templates, "ResultSelector": templates}
        )
    elif kind == "Parallel":
        given["Branches"] = draw(st.lists(workflows(pool, is_jsonata, depth + 1), min_size=1, max_size=3))
        optional |= guarded | put
    elif kind == "Map":
        processor = dict(draw(workflows(pool, is_jsonata, depth + 1)))
        processor["ProcessorConfig"] = {"Mode": draw(st.sampled_from(["INLINE", "DISTRIBUTED"]))}
        given["ItemProcessor"] = processor
        optional |= guarded | put | {"MaxConcurrency": st.integers(0, 3), "ToleratedFailureCount": st.integers(0, 2)}
        optional |= {"Items": pool.queries} if is_jsonata else {"ItemsPath": pool.paths, "ItemSelector": templates}
        if not pool.narrows:
            whole = {"n.$": "$$.Map.Item.Value.n", "a.$": "$.a", "list.$": "$.list"}
            given |= {"Items": "{% [$states.input, $states.input] %}"} if is_jsonata else {"ItemsPath": "$.list"}
            given |= {} if is_jsonata else {"ItemSelector": whole}
    given |= {
        field: value
        for field, value in draw(st.fixed_dictionaries({}, optional=optional)).items()
        if field not in given
    }
    if kind not in ("Choice", "Succeed", "Fail"):
        last = name == NAMES[-1] or (pool.narrows and draw(st.booleans()))
        given |= {"End": True} if last else {"Next": draw(targets(name))}
    return given


def rules(pool: Pool, is_jsonata: bool, name: str) -> st.SearchStrategy[Any]:
    if is_jsonata:
        return st.fixed_dictionaries({"Condition": pool.conditions, "Next": targets(name)})
    tests = {"NumericGreaterThan": st.integers(0, 3), "IsPresent": st.booleans(), "StringMatches": st.just("*a*")}
    test = st.sampled_from(sorted(tests)).flatmap(lambda kind: st.fixed_dictionaries({kind: tests[kind]}))
    return st.builds(lambda path, test, to: {"Variable": path, **test, "Next": to}, pool.paths, test, targets(name))


def waits(pool: Pool, is_jsonata: bool) -> st.SearchStrategy[Any]:
    seconds = {"Seconds": st.sampled_from([0, 1, 3, 60])}
    if not pool.narrows:
        other = {"Seconds": st.just("{% $states.input.a %}")} if is_jsonata else {"SecondsPath": st.just("$.a")}
    else:
        other = {"Timestamp": marked(EXPRESSIONS)} if is_jsonata else {"TimestampPath": pool.paths}
    return st.fixed_dictionaries(seconds) | st.fixed_dictionaries(other)


def workflows(pool: Pool, is_jsonata: bool, depth: int = 0) -> st.SearchStrategy[Any]:
    written = st.fixed_dictionaries({name: states(pool, is_jsonata, name, depth) for name in NAMES})
    return written.map(lambda named: {"StartAt": NAMES[0], "States": named})


def whole(pool: Pool) -> st.SearchStrategy[Any]:
    spoken = workflows(pool, True).map(lambda workflow: {**workflow, "QueryLanguage": "JSONata"})
    return workflows(pool, False) | spoken


runs = st.tuples(whole(WILD), inputs) | st.tuples(whole(TAME), shaped)
