"""Routes that lead to compositions: what a composition is given, what it answers, and how its failure is told."""

import asyncio
import json
import time

import pytest

from tests.compositions.flows import call, sequence

from .composing import composing, page

ECHO = {"StartAt": "All", "States": {"All": {"Type": "Pass", "End": True}}}
KEPT = {"ttl_s": 60, "vary_headers": [], "vary_query": None}
JSON = ("Content-Type", "application/json")


@pytest.fixture
async def door(valkey, settings, tmp_path, downstream):
    settings.VALKEY_URL = valkey
    settings.LAST_GOOD = tmp_path / "last-good.json"
    for slug in "abc":
        downstream.behave(f"/{slug}", json={"part": slug})
    async with composing(downstream) as opened:
        for slug in "abc":
            await opened.target(slug, cache={"ttl_s": 0})
        yield opened


async def test_a_composition_is_given_the_request(door):
    await door.serve("/echo/{id}/{rest+}", ECHO)
    heard = await door.ask(
        "/echo/a%20b/x/%C3%BC?q=1&tag=x&tag=y&empty=", "POST", JSON, ("X-Twice", "1"), ("X-Twice", "2"), body=b'{"n":1}'
    )
    given = heard.json()
    assert heard.status == 200
    assert (given["method"], given["path"], given["body"]) == ("POST", "/echo/a%20b/x/%C3%BC", {"n": 1})
    assert given["path_parameters"] == {"id": "a b", "rest": "x/ü"}
    assert given["query"] == {"q": "1", "tag": ["x", "y"], "empty": ""}
    assert (given["headers"]["x-twice"], given["headers"]["content-type"]) == ("1, 2", "application/json")


@pytest.mark.parametrize("raw", ["a%2Fb", "a%3Fx=1", "a%23x", "a%5Cb", "%2525"])
async def test_a_path_parameter_never_becomes_more_of_an_address_than_one_segment(door, raw):
    await door.serve("/echo/{id}", ECHO)
    given = (await door.ask(f"/echo/{raw}")).json()["path_parameters"]["id"]
    assert not set(given) & set("/?#\\"), given


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        ((JSON,), b"{", 400),
        ((), b"\xff\xfe", 415),
        ((JSON,), json.dumps("x" * 99_000).encode(), 200),
    ],
)
async def test_a_body_must_be_what_it_says(door, fields, body, status):
    await door.serve("/echo", ECHO)
    assert (await door.ask("/echo", "POST", *fields, body=body)).status == status


async def test_parts_are_asked_for_at_once_and_answered_together(door):
    for slug in "abc":
        door.downstream.behave(f"/{slug}", json={"part": slug}, delay_s=0.15)
    await door.serve("/page", page("a", "b", "c"))
    await door.ask("/page")
    began = time.monotonic()
    heard = await door.ask("/page")
    assert time.monotonic() - began < 0.4
    assert heard.json() == {slug: {"part": slug} for slug in "abc"}
    assert (heard.headers["x-completed"], heard.headers["x-cache"]) == ("true", "LIVE")
    assert "age" not in heard.headers
    assert heard.headers["content-type"] == "application/json"


async def test_calls_carry_the_id_of_the_request_that_they_serve(door):
    await door.serve("/page", page("a", "b"))
    heard = await door.ask("/page", "GET", ("X-Request-Id", "asked-by-ann-0007"))
    assert heard.headers["x-request-id"] == "asked-by-ann-0007"
    assert [request.headers["x-request-id"] for request in door.downstream.requests] == ["asked-by-ann-0007"] * 2


async def test_a_part_that_is_missing_is_told(door):
    door.downstream.behave("/c", status=500)
    await door.serve("/page", page("a", "b", optional=("c",)), meta=True)
    heard = await door.ask("/page")
    assert (heard.status, heard.headers["x-completed"], heard.headers["cache-control"]) == (200, "false", "no-store")
    answer = heard.json()
    assert (answer["a"], answer["c"]) == ({"part": "a"}, None)
    told = {branch["target"]: branch for branch in answer["_meta"]["branches"]}
    assert answer["_meta"]["completed"] is False
    assert (told["a"]["source"], told["a"]["breaker"]) == ("live", "CLOSED")
    assert told["a"]["as_of"].endswith("Z")
    assert told["a"]["state"] == "/States/One/Branches[0]/States/One"
    assert told["c"]["error"] == "States.Http.StatusCode.500"


async def test_the_worst_part_gives_x_cache_and_age(door):
    await door.target("a", cache={"ttl_s": 60})
    await door.target("b", fallback={"static": {"body": {"part": "static"}}})
    await door.serve("/page", page("a", "c"))
    await door.ask("/page")
    heard = await door.ask("/page")
    assert (heard.headers["x-cache"], heard.headers["x-completed"]) == ("HIT", "true")
    assert "age" in heard.headers
    await door.target("a", cache={"ttl_s": 0})
    await door.stop("a")
    heard = await door.ask("/page")
    assert (heard.headers["x-cache"], heard.headers["x-completed"]) == ("STALE", "true")
    await door.stop("b")
    await door.serve("/worse", page("a", "b"))
    heard = await door.ask("/worse")
    assert (heard.headers["x-cache"], heard.headers["x-completed"]) == ("STATIC", "false")


async def test_a_failed_composition_names_what_failed_and_keeps_the_downstreams_words_to_itself(door):
    door.downstream.behave("/b", status=503, body=b"db-7.internal is down")
    await door.serve("/page", page("a", "b"))
    heard = await door.ask("/page")
    assert heard.kind == (502, "composition-failed")
    told = heard.json()
    assert (told["composition"], told["error"], told["target"]) == ("page", "States.Http.StatusCode.503", "b")
    assert "internal" not in heard.body.decode().replace("/problems/", "")
    assert heard.headers["content-type"] == "application/problem+json"


async def test_an_open_circuit_without_an_answer_to_stand_in_is_503_with_retry_after(door):
    await door.stop("b")
    await door.serve("/page", page("a", "b"))
    heard = await door.ask("/page")
    assert heard.kind == (503, "composition-refused")
    assert (heard.json()["target"], heard.json()["error"]) == ("b", "Breaker.Open")
    assert int(heard.headers["retry-after"]) >= 1


async def test_a_promise_of_freshness_is_503_with_the_part_that_broke_it(door):
    await door.serve("/page", page("a", "b"), max_stale_s=3600)
    await door.ask("/page")
    await door.stop("b")
    assert (await door.ask("/page")).status == 200
    await door.serve("/page", page("a", "b"), max_stale_s=0)
    heard = await door.ask("/page")
    assert (heard.kind, heard.json()["error"], heard.json()["target"]) == (
        (503, "composition-refused"), "Answer.TooOld", "b",
    )  # fmt: skip


async def test_a_fail_state_speaks_for_itself(door):
    await door.serve("/page", sequence({"Type": "Fail", "Error": "NoArticle", "Cause": "There is none today."}))
    heard = await door.ask("/page")
    assert heard.kind == (502, "composition-failed")
    assert (heard.json()["error"], heard.json()["cause"]) == ("NoArticle", "There is none today.")


async def test_a_fail_state_after_a_refusal_has_the_status_of_the_refusal(door):
    await door.stop("a")
    machine = sequence(call("a", "/a", Catch=[{"ErrorEquals": ["Breaker.Open"], "Next": "Two"}]), {"Type": "Fail"})
    machine["States"]["Two"] |= {"Error": "Closed", "Cause": "The desk is closed."}
    await door.serve("/page", machine)
    heard = await door.ask("/page")
    assert (heard.kind, heard.json()["error"]) == ((503, "composition-refused"), "Closed")


async def test_a_route_keeps_whole_answers_only(door):
    await door.serve("/page", page("a", optional=("b",)), cache=KEPT)
    door.downstream.behave("/b", status=500, times=1)
    seen = [(heard.headers["x-completed"], heard.headers["x-cache"]) for heard in [await door.ask("/page")]]
    seen += [
        (heard.headers["x-completed"], heard.headers["x-cache"])
        for heard in [await door.ask("/page"), await door.ask("/page")]
    ]
    assert seen == [("false", "LIVE"), ("true", "LIVE"), ("true", "HIT")]


async def test_a_route_keeps_nothing_that_a_part_calls_private(door):
    private = {"Content-Type": "application/json", "Cache-Control": "private"}
    door.downstream.behave("/a", body=b"{}", headers=private)
    await door.serve("/page", page("a", "b"), cache=KEPT)
    assert [(await door.ask("/page")).headers["x-cache"] for _ in range(2)] == ["LIVE", "LIVE"]


async def test_what_cannot_be_run_says_so(door):
    await door.serve("/page", ECHO, type="STANDARD")
    assert (await door.ask("/page")).kind == (503, "composition-not-runnable")
    await door.serve("/page", {"StartAt": "Nowhere", "States": {}})
    assert (await door.ask("/page")).kind == (503, "composition-not-runnable")


async def test_every_run_is_told_to_whoever_keeps_runs(door):
    runs = []
    door.door.app.flow.note_run = runs.append
    await door.serve("/page", page("a"))
    await door.ask("/page")
    assert [(run.composition, run.status, run.complete) for run in runs] == [("page", "SUCCEEDED", True)]


async def test_a_new_definition_answers_the_next_request(door):
    await door.serve("/page", sequence({"Type": "Pass", "Result": 1}))
    assert (await door.ask("/page")).json() == 1
    await door.serve("/page", sequence({"Type": "Pass", "Result": 2}))
    assert (await door.ask("/page")).json() == 2


async def test_an_expression_that_takes_too_long_ends_alone(door):
    slow = "{% $match('" + "a" * 28 + "!', /(a+)+$/) %}"
    await door.serve("/slow", sequence({"Type": "Pass", "Output": slow}, QueryLanguage="JSONata"))
    await door.serve("/page", page("a"))
    waiting = asyncio.create_task(door.ask("/slow"))
    await asyncio.sleep(0)
    assert (await door.ask("/page")).status == 200
    heard = await waiting
    assert (heard.status, heard.json().get("error")) in ((502, "States.QueryEvaluationError"), (200, None))
