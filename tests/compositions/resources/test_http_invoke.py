"""A Task that calls a target: what is sent, what comes back, and every way in which it can fail, by its name."""

import json
import time

import pytest

from tests.compositions.flows import call, sequence
from tests.servers.downstream import Downstream

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def t(world):
    await world.target("t")
    return world


def seen(world):
    return world.downstream.requests[-1]


async def test_headers_query_and_a_json_body_are_sent(t):
    fields = {"Headers": {"X-Who": "me", "X-Many": ["a", "b"], "X-Number": 7, "Host": "evil"}}
    fields |= {"QueryParameters": {"q": "a b&c", "n": [1, 2], "yes": True, "no": None}, "RequestBody": {"a": [1]}}
    await t.once(call("t", "/x?fixed=1", "POST", **fields))
    request = seen(t)
    assert (request.method, request.target) == ("POST", "/x?fixed=1&q=a%20b%26c&n=1&n=2&yes=true")
    assert (request.json(), request.headers["content-type"]) == ({"a": [1]}, "application/json")
    assert (request.headers["x-who"], request.headers["x-many"], request.headers["x-number"]) == ("me", "a, b", "7")
    assert request.headers["host"] == f"127.0.0.1:{t.downstream.port}"


async def test_jsonata_arguments_are_the_same_call(t):
    state = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke"}
    state["Arguments"] = {"ApiEndpoint": "{% 'target://t/items/' & $states.input.id %}", "Method": "GET"}
    await t.composition("c", sequence(state, QueryLanguage="JSONata"))
    await t.run("c", {"id": 7})
    assert seen(t).target == "/items/7"


async def test_text_with_a_content_type_of_its_own_is_sent_as_it_is(t):
    await t.once(call("t", "/x", "POST", Headers={"Content-Type": "text/xml"}, RequestBody="<a/>"))
    assert seen(t).body == b"<a/>"


@pytest.mark.parametrize(
    ("arrays", "form"),
    [
        (None, "a%5B0%5D=1&a%5B1%5D=2&b%5Bc%5D=x+y"),
        ("BRACKETS", "a%5B%5D=1&a%5B%5D=2&b%5Bc%5D=x+y"),
        ("REPEAT", "a=1&a=2&b%5Bc%5D=x+y"),
        ("COMMAS", "a=1%2C2&b%5Bc%5D=x+y"),
    ],
)
async def test_a_body_is_sent_as_a_form(t, arrays, form):
    transform = {"RequestBodyEncoding": "URL_ENCODED"}
    if arrays:
        transform["RequestEncodingOptions"] = {"ArrayFormat": arrays}
    await t.once(call("t", "/x", "POST", RequestBody={"a": [1, 2], "b": {"c": "x y"}}, Transform=transform))
    assert (seen(t).body.decode(), seen(t).headers["content-type"]) == (form, "application/x-www-form-urlencoded")


async def test_authentication_is_the_targets_business(t):
    run = await t.once(call("t", "/x", Authentication={"ConnectionArn": "arn:aws:events:eu-west-1:1:connection/c/1"}))
    assert run.status == "SUCCEEDED"


async def test_the_result_is_what_step_functions_gives_and_where_it_came_from(t):
    t.downstream.behave("/x", status=201, body=b'{"a":1}', headers={**JSON, "X-Twice": "1"})
    run = await t.once(call("t", "/x"))
    assert run.output["StatusCode"] == 201
    assert run.output["StatusText"] == "Created"
    assert (run.output["Headers"]["content-type"], run.output["Headers"]["x-twice"]) == (["application/json"], ["1"])
    assert run.output["ResponseBody"] == {"a": 1}
    assert run.output["Provenance"] == {"source": "live", "age_s": None, "breaker": "CLOSED"}


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ({"body": b"plain", "headers": {"Content-Type": "text/plain"}}, "plain"),
        ({"body": b"{}", "headers": {}}, "{}"),
        ({"body": b"", "headers": JSON}, None),
        ({"body": b"[1]", "headers": {"Content-Type": "application/vnd.api+json; charset=utf-8"}}, [1]),
        ({"body": b"caf\xe9", "headers": {"Content-Type": "text/plain; charset=latin-1"}}, "café"),
    ],
)
async def test_a_body_is_json_when_it_says_so_and_else_text(t, answer, body):
    t.downstream.behave("/x", **answer)
    assert (await t.once(call("t", "/x"))).output["ResponseBody"] == body


async def test_an_absolute_address_belongs_to_the_target_with_the_longest_base_url(t):
    await t.target("deep", base_url=f"{t.downstream.url}/v2")
    state = call("t")
    found = []
    for path in ("/v2/items?x=1", "/v2", "/v20"):
        state["Parameters"]["ApiEndpoint"] = f"{t.downstream.url}{path}"
        run = await t.once(state)
        found.append((run.met[0].target, seen(t).target))
    assert found == [("deep", "/v2/items?x=1"), ("deep", "/v2/"), ("t", "/v20")]


@pytest.mark.parametrize(
    "address",
    [
        "target://nobody/x",
        "https://example.com/x",
        "http://user:pass@127.0.0.1/x",
        "ftp://127.0.0.1/x",
        "x",
        "http://[",
    ],
)
async def test_what_is_no_registered_target_is_refused(t, address):
    state = call("t")
    state["Parameters"]["ApiEndpoint"] = address
    run = await t.once(state)
    assert (run.status, run.error) == ("FAILED", "Target.Unknown")
    assert t.downstream.requests == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("ApiEndpoint", 7), ("Method", "STEAL"), ("Headers", "x"), ("QueryParameters", [1])],
)
async def test_a_wrong_argument_is_named(t, field, value):
    state = call("t")
    state["Parameters"][field] = value
    run = await t.once(state)
    assert (run.error, field in run.cause) == ("States.Runtime", True)


async def test_a_status_from_400_is_an_error_with_the_body_as_its_cause(t):
    t.downstream.behave("/x", status=404, body=b'{"why":"gone"}', headers=JSON)
    run = await t.once(call("t", "/x"))
    assert (run.error, json.loads(run.cause)) == ("States.Http.StatusCode.404", {"why": "gone"})
    assert (run.met[0].status, run.met[0].error) == (404, "States.Http.StatusCode.404")


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"reset": True}, "States.Http.Socket"),
        ({"malformed": True}, "States.Http.Socket"),
        ({"half_close": True}, "States.Http.Socket"),
        ({"body": b'{"a":', "headers": JSON}, "Answer.InvalidJson"),
        ({"hang": True}, "States.Timeout"),
    ],
)
async def test_a_bad_answer_has_a_name(world, behaviour, error):
    await world.target("t", timeout_ms=200)
    world.downstream.behave("/x", **behaviour)
    run = await world.once(call("t", "/x"))
    assert (run.status, run.error) == ("FAILED", error)


async def test_invalid_json_answers_to_the_name_of_a_bad_answer_as_well(t):
    t.downstream.behave("/x", body=b"{", headers=JSON)
    caught = call("t", "/x", Catch=[{"ErrorEquals": ["States.Http.Socket"], "Next": "Two"}])
    run = await t.once(caught, {"Type": "Pass", "Result": "caught"})
    assert run.output == "caught"


async def test_a_refusal_of_the_guard_has_its_name(world):
    await world.target("full", max_concurrency=0)
    await world.target("open")
    await world.stop("open")
    await world.target("spent", contracts=[{"limit": 1, "period_s": 60, "id": 1}])
    assert (await world.once(call("full"))).error == "Target.Overloaded"
    assert (await world.once(call("open"))).error == "Breaker.Open"
    deadline = time.monotonic() + 5
    while (run := await world.once(call("spent"))).error != "Contract.Exhausted":
        assert time.monotonic() < deadline, run
    assert run.met[0].retry_after_s >= 1


async def test_a_target_that_nobody_listens_to(world):
    gone = Downstream()
    gone.stop()
    await world.target("gone", base_url=gone.url)
    assert (await world.once(call("gone"))).error == "States.Http.Socket"


async def test_an_answer_from_the_cache_tells_its_age(world):
    await world.target("t", cache={"ttl_s": 60})
    world.downstream.behave("/x", json=[1])
    await world.once(call("t", "/x"))
    run = await world.once(call("t", "/x"))
    assert run.output["Provenance"]["source"] == "cache"
    assert run.output["Provenance"]["age_s"] >= 0
    assert (run.complete, world.downstream.count("/x")) == (True, 1)


async def test_a_freshness_promise_is_kept_by_a_call_or_broken_by_name(world):
    await world.target("t", cache={"ttl_s": 60})
    world.downstream.behave("/x", json=[1])
    await world.composition("strict", sequence(call("t", "/x")), max_stale_s=0)
    await world.run("strict")
    run = await world.run("strict")
    assert (run.met[0].source, world.downstream.count("/x")) == ("live", 2)
    await world.stop("t")
    run = await world.run("strict")
    assert (run.status, run.error, run.met[0].source) == ("FAILED", "Answer.TooOld", "cache")
    await world.composition("loose", sequence(call("t", "/x")), max_stale_s=3600)
    assert (await world.run("loose")).output["Provenance"]["source"] == "cache"


async def test_a_static_answer_is_not_as_old_as_anybody_may_promise(world):
    await world.target("t", fallback={"static": {"body": {"a": 0}}})
    await world.stop("t")
    run = await world.once(call("t", "/x"))
    assert (run.output["ResponseBody"], run.complete) == ({"a": 0}, False)
    await world.composition("strict", sequence(call("t", "/x")), max_stale_s=3600)
    assert (await world.run("strict")).error == "Answer.TooOld"


async def test_a_resource_that_nothing_serves_says_what_to_do(world):
    state = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": {}}
    run = await world.once(state)
    assert run.error == "Resource.Unserved"
    assert "http:invoke" in run.cause
    run = await world.once({**call("t"), "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"})
    assert run.error in ("Resource.Unserved", "Resource.NeedsStandard")
