"""/api/v1/request-rules: the noun, its tester and its samples."""

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio import Redis
from rest_framework.test import APIClient

from breakers import rules_reading
from breakers.admission.screening import Screen
from breakers.store.windows import WindowStore
from tests.breakers.admission.rules import request
from tests.servers.valkey import Valkey

URL = "/api/v1/request-rules/flood"
RULE: dict[str, Any] = {"statement": {"path": {"starts": "/search"}}, "rate": {"limit": 2}, "action": "block"}


def tried(api: APIClient, *requests: dict[str, Any], url: str = URL) -> list[dict[str, Any]]:
    answer = api.post(f"{url}/test", {"requests": list(requests)})
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_what_get_gives_can_be_put_back(admin_api: APIClient) -> None:
    made = admin_api.put(URL, RULE)
    assert made.status_code == 201
    assert made.json()["rate"] == {"limit": 2, "window_s": 300, "keys": ["forwarded_ip"]}
    again = admin_api.put(URL, made.json(), headers={"If-Match": made["ETag"]})
    assert (again.status_code, again.json(), again["ETag"]) == (200, made.json(), made["ETag"])
    assert admin_api.get("/api/v1/request-rules").json() == [made.json()]
    assert admin_api.patch(URL, {"action": "count"}).json()["action"] == "count"
    assert admin_api.delete(URL).status_code == 204


def test_the_tester_says_what_the_rule_and_the_whole_list_would_do(admin_api: APIClient) -> None:
    admin_api.put(URL, RULE)
    admin_api.put(
        "/api/v1/request-rules/office", {"priority": 1, "action": "allow", "statement": {"ip": ["10.0.0.0/8"]}}
    )
    few, many, office, other = tried(
        admin_api,
        {"path": "/search?q=x", "ip": "192.0.2.1"},
        {"path": "/search?q=x", "ip": "192.0.2.1", "seen": 2},
        {"path": "/search", "ip": "10.1.1.1", "seen": 50},
        {"path": "/"},
    )
    assert (few["matches"], few["acts"], few["all_rules"]["action"]) == (True, False, "pass")
    assert (many["matches"], many["acts"]) == (True, True)
    assert many["all_rules"] == {"action": "block", "rule": "flood", "matched": ["flood"], "labels": [], "status": 429}
    assert (office["matches"], office["all_rules"]["rule"]) == (True, "office")
    assert (other["matches"], other["all_rules"]["action"]) == (False, "pass")


def test_the_tester_believes_a_forwarded_address_only_from_trusted_proxies(admin_api: APIClient) -> None:
    admin_api.put(URL, {"statement": {"forwarded_ip": ["198.51.100.7"]}, "action": "block"})
    asked = [
        {"ip": "192.0.2.1", "headers": {"X-Forwarded-For": "198.51.100.7"}},
        {"ip": "10.0.0.1", "headers": {"X-Forwarded-For": "198.51.100.7"}},
    ]
    assert [one["matches"] for one in tried(admin_api, *asked)] == [False, False]
    admin_api.patch("/api/v1/stages/main", {"trusted_proxies": ["10.0.0.0/8"]})
    assert [one["matches"] for one in tried(admin_api, *asked)] == [False, True]


@pytest.mark.parametrize(
    ("described", "path"),
    [
        ({"ip": "here"}, "requests[0].ip"),
        ({"path": "x"}, "requests[0].path"),
        ({"colour": 1}, "requests[0].colour"),
        ({"headers": {"a": 1}}, "requests[0].headers.a"),
    ],
)
def test_the_tester_refuses_what_is_no_request(admin_api: APIClient, described: dict[str, Any], path: str) -> None:
    admin_api.put(URL, RULE)
    answer = admin_api.post(f"{URL}/test", {"requests": [described]})
    assert (answer.status_code, [problem["path"] for problem in answer.json()["problems"]]) == (400, [path])
    assert admin_api.post("/api/v1/request-rules/nobody/test", {"requests": [{}]}).status_code == 404


async def _happen(url: str, document: dict[str, Any]) -> None:
    client = Redis.from_url(url)
    screen = Screen(WindowStore(client, "sg"), now_ms=lambda: time.time() * 1000)
    screen.configure([document])
    for n in range(4):
        screen.check(request("/search", ip=f"192.0.2.{n % 2}"))
    await screen.close()
    await client.aclose()


def test_samples_and_counts_say_what_a_counting_rule_would_have_blocked(admin_api: APIClient, valkey: str) -> None:
    document = admin_api.put(URL, {"statement": {"path": {"starts": "/search"}}}).json()
    asyncio.run(_happen(valkey, document))
    answer = admin_api.get(f"{URL}/samples").json()
    assert answer["counts"]["last_5_min"] == {"counted": 4}
    assert answer["top"] == [{"key": "192.0.2.0", "count": 2}, {"key": "192.0.2.1", "count": 2}]
    assert {sample["path"] for sample in answer["samples"]} == {"/search"}
    row = rules_reading.rule_row("flood")
    assert (row.matched_5_min, row.matched_day, row.outcomes) == (4, 4, [("counted", 4, 4)])
    assert row.would_have.startswith("It would have blocked 4 requests in the last 24 hours, 4 of them just now")
    (listed,) = rules_reading.rule_rows()
    assert (listed.sentence, listed.matched_day) == ("path starts with /search", 4)


def test_without_the_store_the_rules_are_shown_and_their_counts_are_unknown(
    admin_api: APIClient, valkey: str, valkey_server: Valkey
) -> None:
    admin_api.put(URL, RULE | {"action": "count"})
    valkey_server.stop()
    try:
        (row,) = rules_reading.rule_rows()
        assert (row.ok, row.last_day) == (False, {})
        assert "not known" in row.would_have
        assert admin_api.get(f"{URL}/samples").status_code == 503
    finally:
        valkey_server.start()
