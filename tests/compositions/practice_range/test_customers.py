"""What the site keeps of its customers is noted once, however often a saga says it."""

from __future__ import annotations

import json

import pytest

from .equipment import PracticeRange

PLACES = [
    ("content", "/entitlements", "entitlements"),
    ("loyalty", "/members", "members"),
    ("monolith", "/notifications", "notifications"),
]


@pytest.mark.parametrize(("slug", "path", "register"), PLACES)
def test_the_same_key_is_noted_once(practice: PracticeRange, slug: str, path: str, register: str) -> None:
    customer = f"{slug}@example.org"
    body = json.dumps({"customer": customer, "outcome": "full"})
    replies = [practice.service(slug, "POST", path, body, Idempotency_Key=f"{slug}-1") for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 200]
    assert practice.service(slug, "GET", f"{path}?customer={customer}").json["entries"] == [
        {"customer": customer, "outcome": "full"}
    ]
    assert len(practice.control("GET", f"/customers?customer={customer}").json[register]) == 1


@pytest.mark.parametrize(("slug", "path", "register"), PLACES)
def test_an_entry_without_a_customer_is_refused(practice: PracticeRange, slug: str, path: str, register: str) -> None:
    assert practice.service(slug, "POST", path, "{}").status == 400
    assert practice.service(slug, "POST", path, "[1]").status == 400
