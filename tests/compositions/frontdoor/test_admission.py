"""The inbound door over real sockets: who is let in, in which order, and what the others are told."""

import json
import socket
import time
from contextlib import contextmanager

import jwt
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.breakers.admission.configured import key, keys, plan, route, rule, stage, throttle

from .equipment import Door, eventually, free_port, publish, talk, target

EC = ec.generate_private_key(ec.SECP256R1())
JWKS = {"keys": [{**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "one"}]}
ISSUER = {"type": "jwt", "issuer": "https://login.example", "audience": "shop", "jwks": JWKS}
PROXY = {"type": "trusted_header", "header": "X-User", "from": ["127.0.0.0/8"]}
ELSEWHERE = {"type": "trusted_header", "header": "X-User", "from": ["10.0.0.0/8"]}
KEYED = {"api_key_required": True}
NOW_MS = time.time() * 1000


def bearer(**claims):
    body = {"iss": ISSUER["issuer"], "aud": "shop", "sub": "ann", "exp": time.time() + 60, **claims}
    return ("Authorization", "Bearer " + jwt.encode(body, EC, "ES256", headers={"kid": "one"}))


def pieces(echo):
    return [
        target("echo", echo.port),
        target("brittle", echo.port, breaker={"policies": [{"type": "consecutive_failures", "threshold": 2}]}),
        target("kept", echo.port, cache={"ttl_s": 60}),
        stage("main"),
        stage("tight", base_path="/tight", rate=0.01, burst=2),
        stage("inside", base_path="/inside"),
        stage("shop", hosts=["shop.example"], allowed_origins=["https://shop.example"], rate=0.01, burst=1),
        plan(
            "gold",
            title="Gold",
            rate=0.01,
            burst=3,
            overrides=[{"route": "dear", "method": None, "rate": 0.01, "burst": 1}],
        ),
        plan("wide", rate=1000, burst=1000),
        plan("counting", rate=0.01, burst=1, mode="count"),
        plan("inner", stages=["inside"]),
        plan("closed", rate=5, on_store_error="closed"),
        *keys(
            *(key(f"gold-{name}", name, "gold") for name in ("told", "dear", "ruled", "brittle", "edited", "slow")),
            key("gold-1", "acme", "gold"),
            key("gold-2", "acme", "gold"),
            key("gold-3", "other", "gold"),
            key("warm", "warm", "closed"),
            key("wide", "wide", "wide"),
            key("counting", "counting", "counting"),
            key("inner", "inner", "inner"),
            key("revoked", "acme", "gold", revoked=True),
            key("expired", "acme", "gold", expires_at_ms=1),
            key("retired", "acme", "gold", grace_until_ms=1),
            key("graced", "wide", "wide", grace_until_ms=int(NOW_MS + 3_600_000)),
        ),
        throttle("peak", "route", route="peak", rate=0.01, burst=2),
        rule("no-bots", "block", title="No bots", statement={"header": {"name": "user-agent", "contains": "bot"}}),
        rule(
            "own-words",
            "block",
            statement={"path": {"starts": "/keyed/secret"}},
            answer={"status": 410, "body": "gone for good", "content_type": "text/plain"},
        ),
        rule("large", "block", stage="main", statement={"size": {"of": "body", "over": 20}}),
        route("open", "/open/{rest+}", "echo", "GET", "POST", stages=["main", "tight", "shop"]),
        route("keyed", "/keyed/{rest+}", "echo", "GET", "POST", stages=["main", "inside"], **KEYED),
        route("dear", "/dear", "echo", **KEYED),
        route("peak", "/peak", "echo"),
        route("signed", "/signed", "kept", authorizer=ISSUER),
        route("both", "/both", "echo", authorizer=ISSUER, **KEYED),
        route("proxied", "/proxied", "kept", authorizer=PROXY),
        route("elsewhere", "/elsewhere", "echo", authorizer=ELSEWHERE),
        route(
            "unusable", "/unusable", "echo", authorizer={"type": "jwt", "issuer": "i", "audience": "a", "jwks": "{}"}
        ),
        route("brittle", "/brittle", "brittle", **KEYED),
    ]


@contextmanager
def opened(folder, valkey_url, echo):
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
    made = pieces(echo)
    door = Door(folder, made, redis_url=valkey_url)
    publish(valkey_url, 2, made)
    eventually(lambda: door.ask("/-/healthz").json()["config_version"] == 2)
    # After its store was flushed a limit waits for a lease to pass before it lets anything through.
    eventually(lambda: door.ask("/keyed/warm", "GET", ("X-API-Key", "warm")).status == 200)
    try:
        yield door
    finally:
        door.stop()


@pytest.fixture(scope="module")
def door(tmp_path_factory, valkey_server, echo):
    """One for all tests that change no configuration; each of them spends the allowance of consumers of its own."""
    with opened(tmp_path_factory.mktemp("admission"), valkey_server.url, echo) as running:
        yield running


@pytest.fixture
def own_door(tmp_path, valkey, echo):
    with opened(tmp_path, valkey, echo) as running:
        yield running


def ask(door, path, *fields, method="GET", body=b""):
    return door.ask(path, method, *fields, body=body)


def kind(answer):
    return answer.status, answer.json()["type"].removeprefix("/problems/")


def test_each_key_that_does_not_work_is_refused_with_a_type_of_its_own(door, echo):
    before = len(echo.asked)
    assert kind(ask(door, "/keyed/x")) == (401, "api-key-missing")
    told = {
        secret: kind(ask(door, "/keyed/x", ("X-API-Key", secret)))
        for secret in ("unheard-of", "revoked", "expired", "retired", "inner")
    }
    assert told == {
        "unheard-of": (401, "api-key-unknown"),
        "revoked": (401, "api-key-revoked"),
        "expired": (401, "api-key-expired"),
        "retired": (401, "api-key-retired"),
        "inner": (403, "api-key-wrong-stage"),
    }
    assert ask(door, "/keyed/x").headers["www-authenticate"].startswith("ApiKey ")
    assert len(echo.asked) == before, "nothing was called"
    assert ask(door, "/keyed/x", ("X-API-Key", "graced")).status == 200
    assert ask(door, "/inside/keyed/x", ("X-API-Key", "inner")).status == 200


def test_the_key_ends_here_where_it_was_needed_and_goes_on_where_it_was_not(door):
    needed = ask(door, "/keyed/x", ("X-API-Key", "wide")).json()
    assert "x-api-key" not in dict(needed["fields"])
    passed_on = ask(door, "/open/x", ("X-API-Key", "the downstream's own")).json()
    assert dict(passed_on["fields"])["x-api-key"] == "the downstream's own"


def test_a_consumers_keys_share_one_allowance_and_others_have_their_own(door):
    answers = [ask(door, "/keyed/x", ("X-API-Key", f"gold-{number % 2 + 1}")) for number in range(6)]
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 3
    assert ask(door, "/keyed/x", ("X-API-Key", "gold-3")).status == 200


def test_a_refusal_says_plan_scope_and_window_and_when_to_return(door):
    answers = [ask(door, "/keyed/x", ("X-API-Key", "gold-told")) for _ in range(4)]
    refused = answers[-1]
    assert kind(refused) == (429, "throttled")
    document = refused.json()
    assert (document["plan"], document["scope"], document["source"]) == ("gold", "client", "plan:gold")
    assert document["window"] == {"rate_per_s": 0.01, "burst": 3}
    assert 50 < int(refused.headers["retry-after"]) <= 101
    assert "Gold" in document["detail"]
    assert refused.headers["ratelimit-policy"] == '"gold";q=3;w=300'
    assert refused.headers["ratelimit"].startswith('"gold";r=0;t=')
    first = answers[0]
    assert first.headers["ratelimit-policy"] == '"gold";q=3;w=300'
    assert first.headers["ratelimit"].startswith('"gold";r=2;t=')


def test_an_override_replaces_the_plans_own_limit(door):
    assert [ask(door, "/dear", ("X-API-Key", "gold-dear")).status for _ in range(2)] == [200, 429]
    assert ask(door, "/keyed/x", ("X-API-Key", "gold-dear")).status == 200


def test_limits_of_a_stage_and_of_a_route_hold_for_everybody(door):
    assert [ask(door, "/tight/open/x").status for _ in range(3)] == [200, 200, 429]
    told = ask(door, "/tight/open/x").json()
    assert (told["scope"], told["source"], told["plan"]) == ("stage", "stage:tight", None)
    assert ask(door, "/open/x").status == 200, "the same route in another stage"
    assert [ask(door, "/peak").status for _ in range(3)] == [200, 200, 429]
    assert ask(door, "/peak").json()["throttle"] == "peak"


def test_a_plan_that_only_counts_refuses_nobody(door, valkey_server):
    assert [ask(door, "/keyed/x", ("X-API-Key", "counting")).status for _ in range(4)] == [200] * 4
    with redis.Redis.from_url(valkey_server.url) as store:
        totals = eventually(lambda: (found := _totals(store)).get("would_throttle") and found)
    assert totals["would_throttle"] == 3


def _totals(store):
    """Outcomes of consumer `counting` over all seconds that are kept."""
    found = {}
    for name in store.scan_iter("*usage*:s:*"):
        for field, count in store.hgetall(name).items():
            words = field.decode("latin-1")
            if "counting" in words:
                outcome = "would_throttle" if "would_throttle" in words else "other"
                found[outcome] = found.get(outcome, 0) + int(count.split(b" ")[0])
    return found


def test_a_route_with_an_authorizer_is_opened_by_its_token_and_by_nothing_else(door):
    assert kind(ask(door, "/signed")) == (401, "bearer-token-missing")
    assert kind(ask(door, "/signed", ("X-API-Key", "wide"))) == (401, "bearer-token-missing")
    assert kind(ask(door, "/signed", bearer(aud="other"))) == (401, "bearer-token-invalid")
    answer = ask(door, "/signed", bearer())
    assert answer.status == 200
    assert dict(answer.json()["fields"])["authorization"].startswith("Bearer "), "the downstream may want it too"
    invalid = ask(door, "/signed", bearer(exp=1))
    assert 'error="invalid_token"' in invalid.headers["www-authenticate"]


def test_key_and_token_are_both_asked_for_where_both_are_configured(door):
    assert kind(ask(door, "/both", bearer())) == (401, "api-key-missing")
    assert kind(ask(door, "/both", ("X-API-Key", "wide"))) == (401, "bearer-token-missing")
    assert ask(door, "/both", ("X-API-Key", "wide"), bearer()).status == 200


def test_a_trusted_header_counts_only_from_its_proxy(door):
    assert ask(door, "/proxied", ("X-User", "ann")).status == 200
    assert kind(ask(door, "/proxied")) == (403, "caller-not-trusted")
    assert kind(ask(door, "/elsewhere", ("X-User", "ann"))) == (403, "caller-not-trusted")
    spoofed = ask(door, "/elsewhere", ("X-User", "ann"), ("X-Forwarded-For", "10.0.0.1"))
    assert kind(spoofed) == (403, "caller-not-trusted")


def test_an_answer_to_a_proved_caller_is_never_given_to_another(door):
    ann, bob = (ask(door, "/proxied", ("X-User", user)) for user in ("ann", "bob"))
    assert (ann.headers["x-cache"], bob.headers["x-cache"]) == ("LIVE", "LIVE")
    assert dict(bob.json()["fields"])["x-user"] == "bob"
    assert [ask(door, "/signed", bearer()).headers["x-cache"] for _ in range(2)] == ["LIVE", "LIVE"]


def test_an_authorizer_that_cannot_be_used_lets_nobody_in(door):
    assert kind(ask(door, "/unusable", bearer())) == (503, "authorizer-away")


def test_a_rule_refuses_before_anything_is_counted(door):
    for _ in range(5):
        blocked = ask(door, "/keyed/x", ("X-API-Key", "gold-ruled"), ("User-Agent", "some bot"))
        assert (kind(blocked), blocked.json()["rule"]) == ((403, "blocked"), "no-bots")
    assert ask(door, "/keyed/x", ("X-API-Key", "gold-ruled")).headers["ratelimit"].startswith('"gold";r=2')


def test_a_rule_may_answer_in_its_own_words(door):
    answer = ask(door, "/keyed/secret/plans", ("X-API-Key", "wide"))
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (410, b"gone for good", "no-store")


def test_without_a_key_a_rule_is_not_even_asked(door):
    assert kind(ask(door, "/keyed/secret/plans")) == (401, "api-key-missing")


def test_a_refused_request_is_not_read(door):
    """Its body never comes, and the refusal does not wait for it."""
    raw = b"POST /keyed/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"
    assert talk(door.port, raw, timeout_s=5).status == 401


def test_a_rule_that_weighs_bodies_weighs_chunked_ones_too(door):
    assert kind(ask(door, "/open/x", method="POST", body=b"x" * 21)) == (403, "blocked")
    assert ask(door, "/open/x", method="POST", body=b"x" * 20).status == 200
    raw = b"POST /open/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert talk(door.port, raw + b"15\r\n" + b"x" * 21 + b"\r\n0\r\n\r\n").status == 403
    assert talk(door.port, raw + b"3\r\nabc\r\n0\r\n\r\n").status == 200


def test_refusals_never_touch_a_breaker(door):
    for _ in range(4):
        assert ask(door, "/brittle").status == 401
    for _ in range(6):
        last = ask(door, "/brittle", ("X-API-Key", "gold-brittle"))
    assert kind(last) == (429, "throttled")
    assert ask(door, "/brittle", ("X-API-Key", "wide")).status == 200


def test_pages_of_the_stages_origins_can_read_why_they_were_refused(door):
    raw = b"GET /open/x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nOrigin: https://shop.example\r\n\r\n"
    assert talk(door.port, raw).status == 200
    refused = talk(door.port, raw)
    assert refused.status == 429
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert "RateLimit" in refused.headers["access-control-expose-headers"]


def test_a_revoked_key_is_refused_as_soon_as_the_configuration_says_so(own_door, valkey, echo):
    made = pieces(echo)
    assert ask(own_door, "/keyed/x", ("X-API-Key", "wide")).status == 200
    others = [piece for piece in made if piece.kind != "keys"]
    publish(valkey, 3, [*others, *keys(key("wide", "wide", "wide", revoked=True))])
    refused = eventually(lambda: (said := ask(own_door, "/keyed/x", ("X-API-Key", "wide"))).status == 401 and said)
    assert kind(refused) == (401, "api-key-revoked")


def test_an_edited_plan_counts_on_with_what_was_used(own_door, valkey, echo):
    assert [ask(own_door, "/keyed/x", ("X-API-Key", "gold-edited")).status for _ in range(4)] == [200] * 3 + [429]
    made = [piece for piece in pieces(echo) if piece.key != "plan/gold"]
    publish(valkey, 3, [*made, plan("gold", rate=0.02, burst=4)])
    eventually(lambda: ask(own_door, "/-/healthz").json()["config_version"] == 3)
    statuses = [ask(own_door, "/keyed/x", ("X-API-Key", "gold-edited")).status for _ in range(6)]
    assert statuses.count(200) <= 1, "a larger burst is no refill"


def test_a_body_on_its_way_does_not_pay_twice(own_door, valkey, echo):
    with socket.create_connection(("127.0.0.1", own_door.port), timeout=5) as wire:
        wire.sendall(b"POST /keyed/x HTTP/1.1\r\nHost: h\r\nX-API-Key: gold-slow\r\nConnection: close\r\n")
        wire.sendall(b"Content-Length: 4\r\n\r\nab")
        publish(valkey, 3, [*pieces(echo), route("new", "/new", "echo")])
        eventually(lambda: ask(own_door, "/new").status == 200)
        wire.sendall(b"cd")
        answer = wire.makefile("rb").read()
    assert b" 200 " in answer.split(b"\r\n")[0]
    assert ask(own_door, "/keyed/x", ("X-API-Key", "gold-slow")).headers["ratelimit"].startswith('"gold";r=1')


def test_with_valkey_away_each_limit_does_as_it_says(tmp_path, echo):
    made = [
        target("echo", echo.port),
        stage("main"),
        *(plan(f"plan-{choice}", rate=0.01, burst=2, on_store_error=choice) for choice in ("open", "closed", "local")),
        *keys(*(key(choice, choice, f"plan-{choice}") for choice in ("open", "closed", "local"))),
        route("keyed", "/keyed", "echo", **KEYED),
    ]
    alone = Door(tmp_path, made, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    try:
        statuses = {
            choice: [alone.ask("/keyed", "GET", ("X-API-Key", choice)).status for _ in range(4)]
            for choice in ("open", "closed", "local")
        }
        assert statuses == {"open": [200] * 4, "closed": [503] * 4, "local": [200, 200, 429, 429]}
        refused = alone.ask("/keyed", "GET", ("X-API-Key", "closed"))
        assert refused.json()["type"] == "/problems/limiter-away"
        assert int(refused.headers["retry-after"]) >= 1
    finally:
        alone.stop()


def test_an_open_route_passes_without_any_of_it(door):
    answer = ask(door, "/open/x")
    assert answer.status == 200
    assert "ratelimit" not in answer.headers
