"""The route's own cache: whole answers given again for a while, never a private one."""

import itertools

import pytest
import redis

from tests.breakers.admission.configured import key, keys, plan, route, stage

from .equipment import Door, eventually, free_port, publish, talk, target

KEPT = {"ttl_s": 60, "vary_headers": [], "vary_query": None}
PROXY = {"type": "trusted_header", "header": "X-User", "from": ["127.0.0.0/8"]}


def pieces(echo):
    uncached = {"cache": {"write_through": False}}
    return [
        target("echo", echo.port, **uncached),
        stage("main"),
        stage("defaults", base_path="/d", cache={"ttl_s": 60, "vary_headers": ["X-Shop"], "vary_query": None}),
        plan("gold", rate=0.01, burst=3, on_store_error="local"),
        *keys(key("gold", "acme", "gold")),
        route("kept", "/echo/{rest+}", "echo", "GET", "POST", cache=KEPT),
        route("short", "/short/{rest+}", "echo", cache={**KEPT, "ttl_s": 0.2}),
        route("by-header", "/by-header", "echo", cache={**KEPT, "vary_headers": ["X-Shop", "Authorization"]}),
        route("by-query", "/by-query", "echo", cache={**KEPT, "vary_query": ["page"]}),
        route("failing", "/fail", "echo", cache=KEPT),
        route("cookies", "/cookies", "echo", cache=KEPT),
        route("keyed", "/keyed", "echo", cache=KEPT, api_key_required=True),
        route("proxied", "/proxied", "echo", cache=KEPT, authorizer=PROXY),
        route("proxied-apart", "/apart", "echo", cache={**KEPT, "vary_headers": ["x-user"]}, authorizer=PROXY),
        route("default", "/default", "echo", stages=["main", "defaults"]),
        route("never", "/never", "echo", stages=["main", "defaults"], cache={**KEPT, "ttl_s": 0}),
    ]


@pytest.fixture(scope="module")
def door(tmp_path_factory, echo):
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    opened = Door(tmp_path_factory.mktemp("route-cache"), pieces(echo), redis_url=nowhere)
    yield opened
    opened.stop()


def kept(door, path, *fields, method="GET", body=b""):
    """Where two answers to the same request came from."""
    return [door.ask(path, method, *fields, body=body).headers["x-cache"] for _ in range(2)]


def test_an_answer_is_given_again_with_its_age_and_without_a_call(door, echo):
    first = door.ask("/echo/again?x=1")
    before = len(echo.asked)
    again = door.ask("/echo/again?x=1")
    assert (first.headers["x-cache"], again.headers["x-cache"]) == ("LIVE", "HIT")
    assert "age" not in first.headers
    assert int(again.headers["age"]) >= 0
    assert (again.status, again.body, len(echo.asked)) == (200, first.body, before)
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


def test_a_head_is_answered_from_what_a_get_had_kept(door):
    first = door.ask("/echo/head")
    head = door.ask("/echo/head", "HEAD")
    assert (head.headers["x-cache"], head.body) == ("HIT", b"")
    assert first.headers["x-cache"] == "LIVE"


def test_an_answer_lives_for_its_time_and_is_then_fetched_anew(door):
    assert door.ask("/short/x").headers["x-cache"] == "LIVE"
    eventually(lambda: door.ask("/short/x").headers["x-cache"] == "HIT")
    eventually(lambda: door.ask("/short/x").headers["x-cache"] == "LIVE")


def test_another_path_query_host_or_method_has_another_answer(door):
    door.ask("/echo/other?x=1")
    assert door.ask("/echo/other?x=2").headers["x-cache"] == "LIVE"
    assert door.ask("/echo/%6Fther?x=1").headers["x-cache"] == "LIVE", "downstreams see paths as they came"
    raw = b"GET /echo/other?x=1 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert talk(door.port, raw).headers["x-cache"] == "LIVE"
    assert kept(door, "/echo/other?x=1", method="POST", body=b"x") == ["LIVE", "LIVE"]


def test_only_the_named_parameters_and_headers_make_a_different_answer(door):
    assert door.ask("/by-query?page=1&utm=a").headers["x-cache"] == "LIVE"
    assert door.ask("/by-query?utm=b&page=1").headers["x-cache"] == "HIT"
    assert door.ask("/by-query?page=2").headers["x-cache"] == "LIVE"
    assert kept(door, "/by-header", ("X-Shop", "at")) == ["LIVE", "HIT"]
    assert kept(door, "/by-header", ("X-Shop", "de")) == ["LIVE", "HIT"]


@pytest.mark.parametrize("field", [("Authorization", "Bearer a"), ("Cookie", "session=a")], ids=["token", "cookie"])
def test_an_answer_to_a_private_request_is_never_kept(door, field):
    assert kept(door, "/echo/private", field) == ["LIVE", "LIVE"]


def test_a_credential_that_the_route_names_has_an_answer_of_its_own(door):
    assert kept(door, "/by-header", ("Authorization", "Bearer ann")) == ["LIVE", "HIT"]
    assert door.ask("/by-header", "GET", ("Authorization", "Bearer bob")).headers["x-cache"] == "LIVE"


def test_a_trusted_header_is_a_credential_too(door):
    assert kept(door, "/proxied", ("X-User", "ann")) == ["LIVE", "LIVE"]
    assert kept(door, "/apart", ("X-User", "ann")) == ["LIVE", "HIT"]
    assert door.ask("/apart", "GET", ("X-User", "bob")).headers["x-cache"] == "LIVE"


@pytest.mark.parametrize("path", ["/fail", "/cookies"])
def test_failures_and_answers_with_cookies_are_not_kept(door, path):
    assert kept(door, path) == ["LIVE", "LIVE"]


def test_a_client_may_ask_for_a_fresh_answer_or_leave_the_cache_alone(door):
    first = door.ask("/echo/wishes")
    fresh = door.ask("/echo/wishes", "GET", ("Cache-Control", "no-cache"))
    assert fresh.headers["x-cache"] == "LIVE"
    kept_now = door.ask("/echo/wishes")
    assert (kept_now.headers["x-cache"], kept_now.body) == ("HIT", fresh.body)
    assert kept_now.body != first.body, "the fresh answer took the place of the older one"
    assert kept(door, "/echo/aside", ("Cache-Control", "max-age=0, no-store")) == ["LIVE", "LIVE"]
    assert door.ask("/echo/aside").headers["x-cache"] == "LIVE"


def test_a_hit_costs_the_consumer_what_a_call_costs(door):
    answers = [door.ask("/keyed", "GET", ("X-API-Key", "gold")) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers.get("x-cache") for answer in answers[:3]] == ["LIVE", "HIT", "HIT"]
    assert answers[2].headers["ratelimit"].startswith('"gold";r=0')
    assert door.ask("/keyed").status == 401, "and nobody gets it without a key"


def test_a_route_without_a_lifetime_takes_its_stages(door):
    assert kept(door, "/default") == ["LIVE", "LIVE"]
    assert kept(door, "/d/default") == ["LIVE", "HIT"]
    assert door.ask("/d/default", "GET", ("X-Shop", "at")).headers["x-cache"] == "LIVE"
    assert kept(door, "/d/never") == ["LIVE", "LIVE"]


def test_workers_share_what_they_keep(tmp_path, valkey, echo):
    made = pieces(echo)
    one, other = (Door(folder, made, redis_url=valkey) for name in "ab" if (folder := tmp_path / name).mkdir() is None)
    numbers = itertools.count()

    def shared():
        """Each try with an answer of its own: a worker may not have found the store yet."""
        path = b"/echo/shared/%d" % next(numbers)
        first = at(one, path)
        with redis.Redis.from_url(valkey) as store:
            eventually(lambda: list(store.scan_iter("*route/main/kept*")))
        again = at(other, path)
        return again.headers["x-cache"] == "HIT" and again.body == first.body

    try:
        publish(valkey, 2, made)
        eventually(shared)
    finally:
        one.stop()
        other.stop()


def at(door, path):
    """Under the same name, whichever worker is asked: another name has another answer."""
    return talk(door.port, b"GET %s HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n" % path)
