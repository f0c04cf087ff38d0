"""JSONata expressions: values, null and undefined, added functions, budgets, and the sandbox that can stop them."""

import re

import pytest

from compositions.asl.jsonata import JsonataError, compile_expression, expression_of
from compositions.asl.jsonata.computing import BudgetSpent, EvaluationFailed, Undefined
from compositions.asl.jsonata.fast import simple
from compositions.asl.jsonata.results import Unsupported
from compositions.asl.jsonata.sandbox import Sandbox
from tests.compositions.asl.world import World, failure_of, jsonata, output_of, passing

INPUT = {
    "n": 3,
    "s": "text",
    "nil": None,
    "list": [1, None, 3],
    "one": [7],
    "o": {"deep": {"er": [{"x": 1}, {"x": 2}]}},
}


async def evaluated(expression, value=INPUT, **variables):
    states = [("V", passing(Assign=variables))] if variables else []
    return await output_of(jsonata(*states, ("E", passing(Output="{% " + expression + " %}"))), value)


async def refused(expression, value=INPUT):
    error, cause = await failure_of(jsonata(("E", passing(Output={"f": "{% " + expression + " %}"}))), value)
    assert error == "States.QueryEvaluationError"
    return cause


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$states.input.n", 3),
        ("$states.input.nil", None),
        ("$states.input.list", [1, None, 3]),
        ("$states.input.one", [7]),
        ("$states.input.o.deep.er.x", [1, 2]),
        ("$states.input.o.deep.er[x = 2]", {"x": 2}),
        ("$states.input.nil = null", True),
        ("$states.input.nowhere = null", False),
        ("$states.input.n = 3.0", True),
        ("$states.input.n >= 3 and $states.input.s = 'text'", True),
        ("$not($exists($states.input.nowhere))", True),
        ("$exists($states.input.nil)", True),
        ("$states.input.n > 5 ? 'more' : 'less'", "less"),
        ("$v.a & '-' & $states.input.n", "b-3"),
        ("{'a': $states.input.nil, 'b': [null, $states.input.n]}", {"a": None, "b": [None, 3]}),
        ("$sum($states.input.o.deep.er.x)", 3),
        ("$map($states.input.one, function($x) { $x * 2 })", 14),
        ("$type($states.input.list[1])", "null"),
        ("[1..3]", [1, 2, 3]),
        ("$states.context.State.Name", "E"),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$range(0, 9, 3)", [0, 3, 6, 9]),
        ("$hash('x', 'SHA-1')", "11f6ad8ec52a2984abaafd7c3b516503785c2072"),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$random(4) = $random(4)", True),
        ("$random()", 0.5),
        ("$now()", "2023-11-14T22:13:20.000Z"),
        ("$millis()", 1_700_000_000_000),
        ("$contains('hello', /^h/)", True),
    ],
)
async def test_an_expression_has_a_value(expression, expected):
    assert await evaluated(expression, v={"a": "b"}) == expected


async def test_an_identifier_comes_from_the_runs_random_numbers():
    assert re.fullmatch(r"[0-9a-f-]{36}", await evaluated("$uuid()"))
    assert await evaluated("$uuid()") == await evaluated("$uuid()")


@pytest.mark.parametrize(
    "expression", ["$states.input.nowhere", "$nothing", "nowhere", "$filter([1], function($x) { false })"]
)
async def test_undefined_is_an_error_that_names_the_field(expression):
    assert await refused(expression) == (
        "An error occurred while executing the state 'E' (entered at the event id #2). The JSONata expression "
        f"'{expression}' specified for the field 'Output/f' returned nothing (undefined)."
    )


@pytest.mark.parametrize("expression", ["function($x) { $x }", "$sum", "{'f': function() { 1 }}", "/a/"])
async def test_a_function_is_no_result(expression):
    assert (await refused(expression)).endswith("returned an unsupported result type.")


@pytest.mark.parametrize(
    "expression", ["1 + 'a'", "$number('x')", "$error('mine')", "$eval('1')", "$parse('{')", "1 < 'a'"]
)
async def test_an_expression_that_throws_says_so(expression):
    assert "threw an error during evaluation." in await refused(expression)


async def test_only_a_string_that_is_all_expression_is_one():
    assert expression_of("{% 1 %}") == "1"
    assert expression_of(" {% 1 %}") is None
    assert expression_of(7) is None
    assert await output_of(jsonata(("E", passing(Output={"a": " {% 1 %}", "b": "$states.input"})))) == {
        "a": " {% 1 %}",
        "b": "$states.input",
    }


@pytest.mark.parametrize("text", ["1 +", "$f(", "'open", "/(/", ""])
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(JsonataError):
        compile_expression(text)


@pytest.mark.parametrize(
    ("expression", "is_simple"),
    [("$states.input.a.b", True), ("$a = 1 and $not($b)", True), ("$a[0]", False), ("$sum($a)", False), ("a", False)],
)
def test_simple_expressions_need_no_library(expression, is_simple):
    assert (simple(compile_expression(expression).program.ast) is not None) is is_simple


@pytest.mark.parametrize(
    ("expression", "is_slow"),
    [
        ("/a+/", True),
        ("$replace($a, /b/, 'c')", True),
        ("[1..$n]", True),
        ("[1..20]", False),
        ("($f := function($x) { $f($x) }; $f(1))", True),
        ("$map($a, function($x) { $x + 1 })", False),
        ("$pad('', $n)", True),
        ("$sum($a)", False),
    ],
)
def test_expressions_that_may_run_long_are_known_before_they_run(expression, is_slow):
    assert bool(compile_expression(expression).slow) is is_slow


@pytest.mark.parametrize(
    "expression",
    [
        "($f := function($x) { $f($x + 1) }; $f(1))",
        "($f := function($x) { 1 + $f($x + 1) }; $f(1))",
        "$reduce([1..60], function($s, $x) { $s & $s }, 'ab')",
        "$reduce([1..60], function($s, $x) { $s * $s }, 7)",
        "$sum($map([1..2000], function($x) { $sum($map([1..2000], function($y) { $x * $y })) }))",
    ],
)
async def test_no_expression_runs_for_ever(expression):
    assert "threw an error during evaluation." in await refused(expression)


async def test_an_expression_never_changes_what_it_was_given():
    given = {"list": [{"a": 1, "n": None}]}
    await evaluated("$states.input ~> |list|{'a': 2}|", given)
    assert given == {"list": [{"a": 1, "n": None}]}


async def test_the_sandbox_answers_as_the_run_itself_would():
    async with Sandbox() as sandbox:
        assert await sandbox.evaluate("$states.input.a[0]", {"states": {"input": {"a": [None]}}}) is None
        assert await sandbox.evaluate("$now()", {}, now_ms=1_700_000_000_000) == "2023-11-14T22:13:20.000Z"
        assert await sandbox.evaluate("$random()", {}, seed=0.5) == await sandbox.evaluate("$random()", {}, seed=0.5)
        for expression, kind in (("$x", Undefined), ("$sum", Unsupported), ("1 + 'a'", EvaluationFailed)):
            with pytest.raises(kind):
                await sandbox.evaluate(expression, {})


async def test_the_sandbox_stops_what_takes_too_long_and_goes_on():
    async with Sandbox(seconds=0.3) as sandbox:
        await sandbox.evaluate("1", {})
        for expression in (
            '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", /^(a+)+$/)',
            "($f := function() { $f() }; $f())",
        ):
            with pytest.raises(BudgetSpent):
                await sandbox.evaluate(expression, {})
        assert await sandbox.evaluate("1 + 1", {}) == 2


async def test_a_run_sends_slow_expressions_to_the_port():
    class Elsewhere(World):
        asked = ()

        async def evaluate(self, expression, given, place, *, now_ms, seed):
            self.asked = (*self.asked, (expression, dict(given)))
            return "elsewhere"

    world = Elsewhere()
    definition = jsonata(("V", passing(Assign={"v": "abc", "w": 1})), ("E", passing(Output="{% $match($v, /b/) %}")))
    assert (await world.run(definition))["output"] == "elsewhere"
    assert world.asked == (("$match($v, /b/)", {"v": "abc"}),)


async def test_an_expression_that_takes_its_time_goes_to_the_port_or_is_computed_here_where_there_is_none():
    many = "$sum($map([1..3000], function($i) { $i * 2 }))"
    definition = jsonata(("E", passing(Output="{% " + many + " %}")))
    assert (await World().run(definition))["output"] == 9_003_000

    class Elsewhere(World):
        async def evaluate(self, expression, given, place, *, now_ms, seed):
            return expression

    assert (await Elsewhere().run(definition))["output"] == many
