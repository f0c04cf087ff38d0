"""Keys on a running Switchgear: who is let in, what the others are told, and how a key is replaced under traffic."""

import asyncio
import json
import re
import time
from datetime import datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from .admission_traffic import Estate, Key, Traffic, eventually, kind, wait_for_workers

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("admission")]

# What is promised, and what a machine that is busy with other things may add.
BINDS_WITHIN_S, NOISE_S = 1.0, 1.0
GRACE_S = 5.0


async def test_rotation_under_traffic_refuses_nobody_until_grace_is_over(two_doors, downstream):
    """The old key goes on to its last moment; the new one works from a second after it was made, and for good."""
    estate = Estate(two_doors, downstream, "rotated")
    estate.route("rotated", "/rotated", "POST", api_key_required=True)
    estate.plan("rotated")
    old = estate.key("rotated", "rotated")
    estate.ready()
    wait_for_workers(two_doors)
    clock = time.time() - time.monotonic()
    traffic = Traffic(two_doors)
    made_at = ends = 0.0

    async def handover():
        nonlocal made_at, ends
        await asyncio.sleep(0.5)
        asked = {"grace_s": GRACE_S, "reason": "as every quarter"}
        made = await asyncio.to_thread(estate.post, f"keys/{old.id}/rotate", asked)
        made_at = time.monotonic()
        replaced = await asyncio.to_thread(two_doors.api, "GET", f"keys/{old.id}")
        ends = datetime.fromisoformat(replaced.json()["grace_until"]).timestamp() - clock
        new = Key(made["id"], made["key"])
        streams = [asyncio.create_task(traffic.stream("POST", "/rotated", new, per_line=3)) for _ in range(3)]
        await asyncio.sleep(ends + 2 * NOISE_S - time.monotonic())
        traffic.over = True
        await asyncio.gather(*streams)

    await traffic.during([traffic.stream("POST", "/rotated", old, per_line=3) for _ in range(3)], handover())

    answered = [request for request in traffic.requests if request.status]
    in_grace = [request for request in answered if request.key == old and request.ended < ends]
    after = [request for request in answered if request.key == old and request.sent > ends + NOISE_S]
    new = [request for request in answered if request.key != old and request.sent > made_at + BINDS_WITHIN_S + NOISE_S]
    assert {request.status for request in in_grace} == {200}
    assert {(request.status, kind(request)) for request in after} == {(401, "api-key-retired")}
    assert {request.status for request in new} == {200}
    assert min(len(in_grace), len(after), len(new)) > 10
    early = [request for request in answered if request.key != old and request not in new and request.status != 200]
    assert {kind(request) for request in early} <= {"api-key-unknown"}, "at first no worker may know it yet"


@pytest.fixture(scope="module")
def shop(two_doors, downstream_server):
    """Two stages, each with a plan; a route in both that needs a key; one key in every state that a key can have."""
    estate = Estate(two_doors, downstream_server, "shop")
    estate.put("stages/shop", {"base_path": "/shop"})
    estate.put("stages/shop-beta", {"base_path": "/shop-beta"})
    estate.route("shop", "/goods", "GET", "POST", stages=["shop", "shop-beta"], api_key_required=True)
    estate.plan("shop", stages=["shop"])
    estate.plan("shop-beta", stages=["shop-beta"])
    return estate


def test_every_key_that_does_not_work_is_told_why_in_a_type_of_its_own(shop, two_doors, downstream):
    keys = {name: shop.key("shop", "shop") for name in ("good", "revoked", "retired")}
    soon = datetime.fromtimestamp(time.time() + 5).astimezone().isoformat()
    keys["expired"] = shop.key("shop", "shop", expires_at=soon)
    keys["elsewhere"] = shop.key("shop", "shop-beta")
    shop.post(f"keys/{keys['revoked'].id}/revoke", {"reason": "left the company"})
    shop.post(f"keys/{keys['retired'].id}/rotate", {"reason": "now", "grace_s": 0})
    shop.ready()
    eventually(lambda: shop.ask("/shop/goods", keys["expired"]).status != 200, "the key expires")

    assert shop.ask("/shop/goods", keys["good"]).status == 200
    before = downstream.count("/goods")
    told = {name: shop.ask("/shop/goods", key) for name, key in keys.items() if name != "good"}
    told["missing"] = shop.ask("/shop/goods")
    told["unknown"] = shop.ask("/shop/goods", X_API_Key="nobody-was-ever-given-this")
    assert {name: (answer.status, kind(answer)) for name, answer in told.items()} == {
        "missing": (401, "api-key-missing"),
        "unknown": (401, "api-key-unknown"),
        "expired": (401, "api-key-expired"),
        "retired": (401, "api-key-retired"),
        "revoked": (401, "api-key-revoked"),
        "elsewhere": (403, "api-key-wrong-stage"),
    }
    for name, answer in told.items():
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert ("WWW-Authenticate" in answer.headers) is (answer.status == 401), name
        assert name == "missing" or name == "unknown" or keys[name].secret not in answer.body.decode()
    assert downstream.count("/goods") == before, "nothing was called for any of them"


def test_a_refusal_says_who_refused_and_waiting_as_long_as_it_says_succeeds(shop, two_doors, downstream):
    shop.plan("shop-slow", title="Slow", rate=0.5, burst=2, stages=["shop"], on_store_error="closed")
    key = shop.key("shop-slow", "shop-slow")
    shop.ready()
    first = eventually(lambda: passed(shop.ask("/shop/goods", key)), "the first passes")
    assert first.headers["RateLimit-Policy"] == '"shop-slow";q=2;w=4'
    assert first.headers["RateLimit"].startswith('"shop-slow";r=')
    refusal = eventually(lambda: refused(shop.ask("/shop/goods", key)), "the burst is used up")
    told = refusal.json()
    assert kind(refusal) == "throttled"
    assert (told["plan"], told["scope"], told["source"], told["stage"]) == (
        "shop-slow",
        "client",
        "plan:shop-slow",
        "shop",
    )
    assert told["window"] == {"rate_per_s": 0.5, "burst": 2}
    assert "Plan Slow allows 0.5/s" in told["detail"]
    assert refusal.headers["RateLimit"].startswith('"shop-slow";r=0;t=')
    assert 1 <= int(refusal.headers["Retry-After"]) <= 2
    time.sleep(int(refusal.headers["Retry-After"]))
    answer = shop.ask("/shop/goods", key)
    assert answer.status == 200, answer.body


def passed(answer):
    return answer if answer.status == 200 else None


def refused(answer):
    return answer if answer.status == 429 else None


def test_a_plan_in_count_mode_refuses_nobody_and_records_what_it_would_have_refused(shop, two_doors, downstream):
    shop.plan("shop-paced", rate=0.01, burst=1, stages=["shop"], mode="count")
    shop.plan("shop-portioned", quota={"limit": 3, "period": "MONTH"}, stages=["shop"], mode="count")
    keys = [shop.key("shop-counted", plan) for plan in ("shop-paced", "shop-portioned")]
    shop.ready()
    for key in keys:
        assert {shop.ask("/shop/goods", key).status for _ in range(10)} == {200}

    def recorded(plan):
        text = two_doors.ask(two_doors.control, "GET", "/metrics", None, {}).body.decode()
        counts = re.findall(rf'switchgear_admission_requests_total{{outcome="(\w+)",plan="{plan}"}} ([\d.]+)', text)
        return {outcome: float(count) for outcome, count in counts}

    for plan in ("shop-paced", "shop-portioned"):
        eventually(lambda plan=plan: sum(recorded(plan).values()) == 10, "all ten are recorded")
    assert recorded("shop-portioned") == {"admitted": 3, "would_quota": 7}
    assert recorded("shop-paced")["would_throttle"] >= 9  # a bucket that may be older than its store begins empty


EC = ec.generate_private_key(ec.SECP256R1())
JWKS = {"keys": [{**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "one"}]}
ISSUER = {"type": "jwt", "issuer": "https://login.example", "audience": "shop", "jwks": JWKS}


def bearer(**claims):
    body = {"iss": ISSUER["issuer"], "aud": "shop", "sub": "ann", "exp": time.time() + 60} | claims
    return "Bearer " + jwt.encode(body, EC, "ES256", headers={"kid": "one"})


def test_a_key_alone_opens_nothing_that_an_authorizer_guards(shop, two_doors, downstream):
    """Keys identify; they do not authenticate."""
    shop.route("shop-both", "/both", stages=["shop"], api_key_required=True, authorizer=ISSUER)
    shop.route("shop-signed", "/signed", stages=["shop"], authorizer=ISSUER)
    key = shop.key("shop", "shop")
    shop.ready()
    token = bearer()
    alone = shop.ask("/shop/both", key)
    assert (alone.status, kind(alone)) == (401, "bearer-token-missing")
    assert alone.headers["WWW-Authenticate"].startswith("Bearer ")
    assert kind(shop.ask("/shop/signed", key)) == "bearer-token-missing"
    assert kind(shop.ask("/shop/both", Authorization=token)) == "api-key-missing"
    stale = shop.ask("/shop/both", key, Authorization=bearer(exp=time.time() - 60))
    assert (stale.status, kind(stale)) == (401, "bearer-token-invalid")
    assert 'error="invalid_token"' in stale.headers["WWW-Authenticate"]
    assert kind(shop.ask("/shop/both", key, Authorization=bearer(aud="else"))) == "bearer-token-invalid"
    assert {downstream.count("/both"), downstream.count("/signed")} == {0}
    assert shop.ask("/shop/both", key, Authorization=token).status == 200
    assert shop.ask("/shop/signed", Authorization=token).status == 200
    assert "x-api-key" not in downstream.requests[-2].headers
