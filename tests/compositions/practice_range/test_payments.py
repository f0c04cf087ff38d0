"""The payment provider charges once for each Idempotency-Key, and its ledger shows who was charged twice."""

from __future__ import annotations

import json

from .equipment import PracticeRange

ORDER = json.dumps({"customer": "ann@example.org", "item": "premium", "amount_cents": 900})


def test_the_same_key_is_charged_once_however_often_it_is_sent(practice: PracticeRange) -> None:
    replies = [practice.service("payment", "POST", "/charges", ORDER, Idempotency_Key="k-1") for _ in range(3)]
    assert [reply.status for reply in replies] == [201, 200, 200]
    assert len({reply.json["id"] for reply in replies}) == 1
    ledger = practice.control("GET", "/charges").json
    assert (ledger["requests"], ledger["count"], ledger["charged_twice"]) == (3, 1, [])
    assert ledger["charges"][0]["received"] == 3


def test_a_new_key_for_the_same_order_is_a_double_charge(practice: PracticeRange) -> None:
    for key in ("k-1", "k-2"):
        practice.service("payment", "POST", "/charges", ORDER, Idempotency_Key=key)
    twice = practice.service("payment", "GET", "/charges").json["charged_twice"]
    assert twice == [{"customer": "ann@example.org", "item": "premium", "charges": 2}]


def test_without_a_key_every_request_is_new_money(practice: PracticeRange) -> None:
    for _ in range(2):
        assert practice.service("payment", "POST", "/charges", ORDER).status == 201
    assert practice.control("GET", "/charges").json["count"] == 2


def test_a_client_that_gives_up_on_a_slow_charge_has_been_charged(practice: PracticeRange) -> None:
    practice.put("payment", behaviour="slow", delay_ms=1_000)
    try:
        practice.service("payment", "POST", "/charges", ORDER, Idempotency_Key="k-1", timeout_s=0.2)
    except TimeoutError:
        pass
    assert practice.control("GET", "/charges?key=k-1").json["count"] == 1


def test_a_failing_service_charges_nothing_and_the_ledger_stays_readable(practice: PracticeRange) -> None:
    practice.put("payment", behaviour="errors_500")
    assert practice.service("payment", "POST", "/charges", ORDER, Idempotency_Key="k-1").status == 500
    practice.put("payment", behaviour="refuse")
    assert practice.control("GET", "/charges").json["count"] == 0


def test_impossible_orders_are_refused(practice: PracticeRange) -> None:
    for body in ("[]", "{", '{"amount_cents": 0}', '{"amount_cents": "9"}', '{"amount_cents": true}'):
        assert practice.service("payment", "POST", "/charges", body).status == 400
    assert practice.service("payment", "POST", "/charges", '{"customer": "declined@example.org"}').status == 402
    assert practice.control("GET", "/charges").json["requests"] == 0


def test_a_refund_gives_the_money_of_one_charge_back_once(practice: PracticeRange) -> None:
    charge = practice.service("payment", "POST", "/charges", ORDER, Idempotency_Key="k-1").json["id"]
    for _ in range(2):
        refund = practice.service("payment", "POST", "/refunds", json.dumps({"charge": charge}))
        assert (refund.status, refund.json["status"]) == (200, "refunded")
    ledger = practice.control("GET", "/charges").json
    assert (ledger["count"], ledger["refunded"], ledger["refunds_astray"]) == (1, 1, 0)


def test_a_refund_without_a_charge_is_refused_and_counted(practice: PracticeRange) -> None:
    assert practice.service("payment", "POST", "/refunds", '{"charge": "ch_999999"}').status == 404
    assert practice.control("GET", "/charges").json["refunds_astray"] == 1


def test_money_that_was_given_back_is_not_charged_twice(practice: PracticeRange) -> None:
    first = practice.service("payment", "POST", "/charges", ORDER, Idempotency_Key="k-1").json["id"]
    practice.service("payment", "POST", "/refunds", json.dumps({"charge": first}))
    practice.service("payment", "POST", "/charges", ORDER, Idempotency_Key="k-2")
    assert practice.control("GET", "/charges").json["charged_twice"] == []
