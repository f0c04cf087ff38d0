"""What the settings of each noun say in one sentence."""

from typing import Any

import pytest

from breakers.core import sentences

PLAN: dict[str, Any] = {
    "slug": "gold",
    "rate": 100,
    "burst": 200,
    "quota": {"limit": 1_000_000, "period": "MONTH", "time_zone": "Europe/Vienna", "offset_h": 0},
    "stages": ["main"],
    "overrides": [],
    "mode": "enforce",
    "on_store_error": "closed",
}
AWAY = "while the store is away it refuses with 503"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "100 requests/s, bursts of 200, 1,000,000 a month from the 1st 00:00 Europe/Vienna; refuses above; "
            f"{AWAY}; opens main.",
        ),
        (
            {"quota": None, "burst": None, "rate": 0.5, "mode": "count"},
            f"0.5 requests/s, bursts of 1; counts what is above and refuses nothing; {AWAY}; opens main.",
        ),
        (
            {"rate": None, "quota": {"limit": 7, "period": "WEEK", "time_zone": "UTC", "offset_h": 54}},
            f"7 a week from Wednesday 06:00 UTC; refuses above; {AWAY}; opens main.",
        ),
        (
            {"rate": None, "quota": {"limit": 7, "period": "DAY", "time_zone": "UTC", "offset_h": 6}},
            f"7 a day from 06:00 UTC; refuses above; {AWAY}; opens main.",
        ),
        (
            {
                "rate": None,
                "quota": None,
                "overrides": [
                    {"route": "article", "method": "POST", "rate": 5, "burst": None},
                    {"route": None, "method": "PUT", "rate": 2, "burst": 9},
                ],
            },
            "No limit of its own; POST of route article: 5 requests/s, bursts of 5; PUT of every route: 2 requests/s, "
            f"bursts of 9; refuses above; {AWAY}; opens main.",
        ),
        (
            {"rate": 1, "burst": None, "quota": None},
            f"1 request/s, bursts of 1; refuses above; {AWAY}; opens main.",
        ),
        ({"rate": None, "quota": None, "stages": []}, "No limit of its own; opens no stage."),
    ],
    ids=str,
)
def test_a_plan(changes: dict[str, Any], said: str) -> None:
    assert sentences.plan({**PLAN, **changes}) == said


def test_a_stage() -> None:
    cache = {"ttl_s": 30, "vary_headers": [], "vary_query": None}
    document = {
        "hosts": ["a.example", "b.example"],
        "base_path": "/v2",
        "rate": 50,
        "burst": None,
        "on_store_error": "open",
        "allowed_origins": ["*"],
        "max_body_bytes": 1024,
        "cache": cache,
    }
    assert sentences.stage(document) == (
        "Takes requests to a.example or b.example below /v2; at most 50 requests/s, bursts of 50 as a whole; pages of "
        "any origin may call; bodies up to 1,024 bytes; answers are given again for 30 s unless a route says "
        "otherwise; while the store is away everything passes uncounted."
    )


def test_a_throttle() -> None:
    document = {"scope": "method", "stage": "main", "route": "article", "method": "POST", "rate": 20, "burst": 40}
    assert sentences.throttle({**document, "on_store_error": "local"}) == (
        "20 requests/s, bursts of 40 for POST of article in stage main together; while the store is away each front "
        "door enforces its share."
    )


def test_a_rule() -> None:
    document = {
        "priority": 5,
        "enabled": True,
        "stage": None,
        "statement": {"path": {"starts": ["/admin"]}},
        "label": "",
        "rate": {"limit": 100, "window_s": 300, "keys": ["ip", "header:User-Agent"]},
        "action": "block",
        "answer": None,
    }
    assert sentences.rule(document) == (
        "Blocks requests whose path starts with /admin beyond 100 in 5 minutes, counted by IP address and header "
        "User-Agent; asked at priority 5."
    )
    whole = {**document, "statement": {}, "rate": None, "action": "count", "enabled": False, "label": "seen"}
    assert sentences.rule(whole) == ("Counts every request; puts label seen on them; disabled: it matches nothing.")


def test_a_journey_a_consumer_and_a_key() -> None:
    rules = {"raise_at_age_s": None, "raise_at_backlog": None, "clear_on": "close"}
    journey = {"targets": ["bank", "mail"], "messages": {"en": "Soon."}, "severity": "critical", **rules}
    assert sentences.journey(journey) == (
        "Delayed while the circuit of bank or mail is open; severity critical; customers read 1 message."
    )
    assert sentences.journey({**journey, "raise_at_age_s": 60.0, "raise_at_backlog": 500, "clear_on": "drained"}) == (
        "Delayed while the circuit of bank or mail is open, an intent has waited for 60 s or 500 intents wait; "
        "until the backlog has drained; severity critical; customers read 1 message."
    )
    consumer = {"slug": "acme", "contact": "api@acme.example"}
    assert sentences.consumer(consumer, keys=3, working=2) == (
        "Consumer acme has 3 keys, of which 2 work; tell api@acme.example when something is wrong."
    )
    key = {"consumer": "acme", "plans": ["gold"], "state": "works", "expires_at": None, "grace_until": None}
    assert sentences.key(key) == (
        "Identifies acme and opens the stages of plan gold; never expires; it identifies; it does not authenticate."
    )
    ending = {**key, "expires_at": "2026-12-31T23:59:59.000Z"}
    assert "works until 2026-12-31 23:59 UTC" in sentences.key(ending)
    replaced = {**key, "state": "grace", "grace_until": "2026-06-01T08:00:00.000Z"}
    assert "replaced, works until 2026-06-01 08:00 UTC" in sentences.key(replaced)
