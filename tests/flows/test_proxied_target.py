"""A target on premises, behind a gateway that wants credentials: calls pass, secrets stay, and the fault is named."""

import pytest
import redis

from controlplane.supervisor import embedded
from tests.servers.processes import wait_until
from tests.servers.proxy import Proxy


@pytest.fixture
def proxy():
    running = Proxy(user="gateway", password="hush-hush-hush")
    yield running
    running.stop()


def test_calls_go_through_the_gateway_and_secrets_stay_where_they_are(stack, downstream, proxy):
    stated = {"url": proxy.url, "username": "gateway", "password": "hush-hush-hush"}
    target = {
        "base_url": f"http://127.0.0.1:{downstream.port}",
        "kind": "on_prem",
        "proxy": stated,
        "credentials": {"type": "header", "name": "X-Api-Key", "value": "psst-psst-psst"},
        "breaker": {"policies": [{"type": "consecutive_failures", "threshold": 50}]},
    }
    made = stack.api("PUT", "targets/erp", target)
    assert made.status in (200, 201), made.body
    assert stack.api("PUT", "targets/erp", made.json()).status == 200
    integration = {"type": "target", "target": "erp", "path": "/{rest}"}
    assert stack.api("PUT", "routes/erp", {"path": "/erp/{rest+}", "integration": integration}).status in (200, 201)
    wait_until(lambda: stack.call("GET", "/erp/orders?n=1").status == 200, 5, "the route is there")
    received = downstream.requests[-1]
    assert (received.target, received.headers["x-api-key"]) == ("/orders?n=1", "psst-psst-psst")
    assert proxy.asked[-1] == f"GET http://127.0.0.1:{downstream.port}/orders?n=1 HTTP/1.1"
    told = b"".join(
        stack.api("GET", path).body for path in ("targets/erp", "targets", "breakers/erp", "/api/v1/config")
    )
    kept = b"".join(path.read_bytes() for path in stack.data_dir.rglob("*") if path.is_file() and path.suffix != ".rdb")
    with redis.Redis.from_url(embedded.url(stack.data_dir)) as valkey:
        pieces = b"".join(valkey.hvals("{sg:config}:pieces"))
    assert b"sealed" in pieces
    kept += pieces
    told += kept + "\n".join(stack.output).encode()
    assert [word for word in (b"hush-hush-hush", b"psst-psst-psst") if word in told] == []

    proxy.refuse, proxy.says = 503, ("Proxy-Status: gateway; error=connection_limit_reached",)
    refused = stack.call("GET", "/erp/orders?n=2")
    assert (refused.status, refused.json()["type"]) == (502, "/problems/proxy-failed")
    wait_until(lambda: stack.api("GET", "breakers/erp").json()["counts"]["failures"] == 1, 5, "it counts")
    proxy.refuse = 0

    stack.api("PATCH", "targets/erp", {"proxy": {"password": "wrong"}})
    wait_until(lambda: stack.call("GET", "/erp/orders?n=3").status == 502, 5, "the new password is used")
    assert stack.call("GET", "/erp/orders?n=4").json()["reason"].startswith("the proxy was not reached")
