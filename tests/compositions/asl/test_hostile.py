"""Definitions that mean harm: whatever they build, it is refused before it is much larger than a payload may be."""

import asyncio
import functools
import time
import tracemalloc

import pytest

from compositions.asl.jsonata.computing import BudgetSpent
from compositions.asl.jsonata.parsing import compile_expression
from compositions.asl.jsonata.sandbox import Sandbox
from tests.compositions.asl.world import World, jsonata, machine, one, passing

MOST_MEMORY = 12 * 1024 * 1024
BIG = "x" * 200_000


def loop(times, **assigned):
    """Assign the same things again and again, then look at all of them."""
    again = {"Type": "Choice", "Choices": [{"Variable": "$n", "NumericLessThan": times, "Next": "Loop"}]}
    return machine(
        ("Begin", passing(Assign={"x": [1], "s": "ab", "k": 9, "n": 0})),
        ("Loop", passing(Assign={**assigned, "n.$": "States.MathAdd($n, 1)"})),
        ("Again", {**again, "Default": "Look"}),
        ("Look", passing(Parameters={"all.$": "States.Array($x, $s, $k)"})),
    )


def expression(text):
    return jsonata(("Only", passing(Output=f"{{% {text} %}}")))


def branches(count):
    told = [one(passing(Parameters={"said.$": f"States.Format('{{}}{i}', $)"})) for i in range(count)]
    return one({"Type": "Parallel", "Branches": told})


MAPPED = {
    "Type": "Map",
    "ItemsPath": "$.list",
    "ItemSelector": {"big.$": "$.big", "at.$": "$$.Map.Item.Index"},
    "ItemProcessor": one(passing(Parameters={"said.$": "States.Format('{}{}', $.big, $.at)"})),
}
ARRAYS = "States.Array({})".format(", ".join(["States.Array({})".format(", ".join(["$"] * 40))] * 40))
NESTED = functools.reduce(lambda inner, _: [inner], range(30), 1)


@pytest.mark.parametrize(
    ("definition", "value", "error"),
    [
        (one(passing(Parameters={f"a{i}.$": "$" for i in range(2000)})), BIG, "States.DataLimitExceeded"),
        (one(passing(Parameters={"a.$": ARRAYS})), BIG, "States.IntrinsicFailure"),
        (
            one(passing(Parameters={"a.$": "States.JsonToString(" * 9 + "$" + ")" * 9})),
            '"' * 100_000,
            "States.IntrinsicFailure",
        ),
        (one(passing(Parameters={"a.$": "States.StringSplit($, ',')"})), "x," * 100_000, "States.DataLimitExceeded"),
        (one(passing(Parameters={"a.$": "States.Format('" + "{}" * 90 + "'" + ", $" * 90 + ")"})), BIG, None),
        (one(passing(Parameters={"a.$": "States.ArrayRange(0, 10000000, 1)"})), 1, "States.IntrinsicFailure"),
        (one(passing(Parameters={"a.$": "States.ArrayPartition($, 1)"})), [0] * 100_000, "States.DataLimitExceeded"),
        (loop(60, **{"x.$": "States.Array($x, $x)"}), 1, "States.DataLimitExceeded"),
        (loop(60, **{"s.$": "States.Format('{}{}', $s, $s)"}), 1, "States.DataLimitExceeded"),
        (loop(6000, **{"k.$": "States.MathAdd($k, $k)"}), 1, "States.IntrinsicFailure"),
        (one(MAPPED), {"big": BIG, "list": list(range(1000))}, "States.DataLimitExceeded"),
        (branches(300), BIG, "States.DataLimitExceeded"),
        (one(passing(Parameters={"a.$": "$" + "[*,*]" * 25})), NESTED, "States.Runtime"),
        (one(passing(Parameters={"a.$": "$..[?(@..x)]"})), [[1] * 10] * 2000, "States.Runtime"),
        (expression("[1..9999999]"), 1, "States.QueryEvaluationError"),
        (expression("$count([1..9999999])"), 1, "States.QueryEvaluationError"),
        (expression("$range(1, 9999999, 1)"), 1, "States.QueryEvaluationError"),
        (expression("$reduce([1..99], function($a, $b) { [$a, $a] })"), 1, "States.QueryEvaluationError"),
        (expression("$reduce([1..99], function($a, $b) { $append($a, $a) })"), 1, "States.QueryEvaluationError"),
        (expression("$reduce([1..99], function($a, $b) { $a & $a }, 'ab')"), 1, "States.QueryEvaluationError"),
        (expression("$states.input.list.{'a': $states.input}"), {"list": [0] * 2000}, "States.QueryEvaluationError"),
        (expression("9e300 * 9e300"), 1, "States.QueryEvaluationError"),
        (jsonata(("Only", passing(Output=["{% $states.input %}"] * 2000))), BIG, "States.DataLimitExceeded"),
    ],
)
async def test_what_a_definition_builds_is_bounded(definition, value, error):
    tracemalloc.start()
    try:
        answer = await World().run(definition, value)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer["status"] == "FAILED"
    assert answer["error"] == (error or "States.IntrinsicFailure")
    assert most < MOST_MEMORY


async def test_data_nested_too_deeply_is_an_error_of_the_run():
    deep = one(passing(Parameters={"a.$": "States.StringToJson($)", "b.$": "States.JsonToString($$)"}))
    assert (await World().run(deep, "[" * 100_000))["error"] == "States.IntrinsicFailure"
    deeper = loop(200, **{"x.$": "States.Array($x)"})
    deeper["States"]["Begin"]["Assign"] = {"x.$": "States.StringToJson($)", "s": 1, "k": 1, "n": 0}
    assert (await World().run(deeper, "[" * 9_850 + "]" * 9_850))["error"] == "States.Runtime"


async def test_all_variables_together_have_a_limit():
    many = machine(*[(f"S{i}", passing(Assign={f"v{i}.$": "$"})) for i in range(60)])
    assert (await World().run(many, BIG))["error"] == "States.DataLimitExceeded"


async def test_a_long_run_of_short_states_lets_others_have_their_turn():
    turns = 0

    async def other():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.ensure_future(other())
    await World().run(loop(400, **{"s.$": "States.Format('{}{}', $n, $$.Execution.Input)"}), "y" * 100_000)
    beside.cancel()
    assert turns > 20


HOSTILE = (
    "$string($reduce([1..99], function($a, $b) { [$a, $a] }))",
    "$join($map([1..99999], function($i) { $states.input }))",
    "$string($states.input.list.{'a': $states.input.list})",
    "$pad('', 999999999)",
    "($f := function($n) { $f($n + 1) }; $f(0))",
    "$contains('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', /^(a+)+$/)",
)


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_cannot_be_bounded_by_looking_at_it_goes_to_the_sandbox(text):
    asked = []

    class Asked(World):
        async def evaluate(self, expression, given, place, *, now_ms, seed):
            asked.append(expression)
            raise BudgetSpent("too much")

    assert (await Asked().run(expression(text), {"list": [1]}))["error"] == "States.QueryEvaluationError"
    assert asked == [text]


@pytest.mark.parametrize(
    "text",
    [
        "$sum($states.input.list.price)",
        "$states.input.list[price > 1].{'id': id}",
        "'a' & $states.input.a & $string($states.input.b)",
        "$map($states.input.list, function($i) { $i.id })",
        "$merge([$states.input, {'c': $states.input.a = 1}])",
    ],
)
def test_everyday_expressions_stay_where_they_are(text):
    assert compile_expression(text).slow == ""


async def test_hostile_expressions_do_not_hold_up_the_others():
    async with Sandbox(seconds=0.4) as sandbox:
        await asyncio.gather(*(sandbox.evaluate("1", {}) for _ in range(4)))  # the children are warm
        for text in HOSTILE[-2:]:
            with pytest.raises(BudgetSpent):
                await sandbox.evaluate(text, {})
        flood = [asyncio.ensure_future(sandbox.evaluate(text, {})) for text in HOSTILE[-2:] * 10]
        began = time.monotonic()
        for number in range(10):
            assert await sandbox.evaluate(f"{number} + 1", {}) == number + 1
        took = time.monotonic() - began
        waiting = sum(not hostile.done() for hostile in flood)
        for hostile in flood:
            hostile.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
    assert waiting > 10, f"the others took {took:.1f} s"
