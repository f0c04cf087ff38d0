"""Entrances of a running Switchgear: stages by host and base path, their pages and sizes, proxies and request rules."""

import pytest

from .admission_traffic import Estate, eventually, kind

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("admission")]

PAGE = "https://shop.example"


@pytest.fixture(scope="module")
def gates(two_doors, downstream_server):
    """Three entrances to one route: a host, a base path below any host, and one behind a trusted proxy."""
    estate = Estate(two_doors, downstream_server, "gates")
    sizes = {"max_body_bytes": 50, "max_header_bytes": 600}
    estate.put("stages/gates-host", {"hosts": ["gates.example"], "allowed_origins": [PAGE]} | sizes)
    estate.put("stages/gates-path", {"base_path": "/gates"})
    estate.put("stages/gates-proxied", {"base_path": "/proxied", "trusted_proxies": ["127.0.0.0/8"]})
    estate.route("gates", "/goods/{rest+}", "GET", "POST", stages=["gates-host", "gates-path", "gates-proxied"])
    estate.route("gates-inner", "/inner", stages=["gates-path"])
    return estate.ready()


def test_a_stage_is_entered_by_its_host_or_its_base_path(gates, downstream):
    assert gates.ask("/goods/1", Host="gates.example").status == 200
    assert gates.ask("/gates/goods/2").status == 200
    assert [request.target for request in downstream.requests] == ["/goods/1", "/goods/2"]
    assert gates.ask("/goods/1").status == 404, "main does not have the route"
    assert gates.ask("/gates/inner").status == 200
    assert gates.ask("/inner", Host="gates.example").status == 404


def test_pages_of_the_stages_origins_may_call_and_read_and_others_may_not(gates, downstream):
    asked = {"Host": "gates.example", "Access_Control_Request_Method": "POST"}
    asked["Access_Control_Request_Headers"] = "x-api-key"
    preflight = gates.ask("/goods/1", method="OPTIONS", Origin=PAGE, **asked)
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == PAGE
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-api-key"
    stranger = gates.ask("/goods/1", method="OPTIONS", Origin="https://evil.example", **asked)
    assert stranger.headers["Access-Control-Allow-Origin"] is None
    assert downstream.requests == []
    answer = gates.ask("/goods/1", Host="gates.example", Origin=PAGE)
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]


def test_bodies_and_header_fields_over_the_stages_sizes_are_refused(gates, downstream):
    assert gates.stack.call("POST", "/goods/1", b"x" * 50, {"Host": "gates.example"}).status == 200
    assert gates.stack.call("POST", "/goods/1", b"x" * 51, {"Host": "gates.example"}).status == 413
    large = gates.ask("/goods/1", Host="gates.example", X_Padding="x" * 600)
    assert (large.status, large.json()["limit"]) == (431, 600)
    assert gates.ask("/gates/goods/1", X_Padding="x" * 600).status == 200
    assert len(downstream.requests) == 2


def test_x_forwarded_for_is_believed_of_a_trusted_proxy_and_of_nobody_else(gates, downstream):
    """One address is blocked, and everybody else gets 10 requests a minute."""
    alone = {"action": "block", "statement": {"forwarded_ip": ["203.0.113.7"]}}
    for stage in ("gates-path", "gates-proxied"):
        gates.put(f"request-rules/{stage}-one", alone | {"stage": stage, "priority": 10})
        gates.put(
            f"request-rules/{stage}-rate",
            {
                "action": "block",
                "stage": stage,
                "priority": 20,
                "statement": {"path": {"starts": "/"}},
                "rate": {"limit": 10, "window_s": 60, "keys": ["forwarded_ip"]},
            },
        )
    gates.ready()
    blocked = gates.ask("/proxied/goods/1", X_Forwarded_For="203.0.113.7")
    assert (blocked.status, kind(blocked)) == (403, "blocked")
    assert gates.ask("/proxied/goods/1", X_Forwarded_For="203.0.113.7, 198.51.100.1").status == 200
    assert gates.ask("/gates/goods/1", X_Forwarded_For="203.0.113.7").status == 200, "this peer is no proxy"

    # Behind the proxy there are twelve clients; elsewhere it is one, whatever it claims.
    addresses = [f"198.51.100.{last}" for last in range(10, 22)]
    assert {gates.ask("/proxied/goods/1", X_Forwarded_For=address).status for address in addresses} == {200}
    spoofed = eventually(
        lambda: next(
            (a for x in addresses if (a := gates.ask("/gates/goods/1", X_Forwarded_For=x)).status != 200), None
        ),
        "more than ten requests of one client",
    )
    assert (spoofed.status, kind(spoofed)) == (429, "blocked-by-rate")
    assert 1 <= int(spoofed.headers["Retry-After"]) <= 60
    assert spoofed.json()["window"] == {"limit": 10, "window_s": 60}
