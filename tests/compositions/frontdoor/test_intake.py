"""A route with a pipe answers 202 once the intent is committed, and one key stands for one intent."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from breakers.operations import consumers, keys, overrides, plans, targets
from compositions.models import Intent
from compositions.operations import compositions, pipes, routes
from controlplane.config.pieces import Piece
from controlplane.kernel.access import Principal
from tests.compositions.workflows import asking

from .equipment import Door, free_port
from .inside import Heard, Inside, inside

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
BY = Principal.system("tests")
SCHEMA = {
    "type": "object",
    "required": ["customer", "plan"],
    "properties": {"plan": {"enum": ["basic", "premium"]}, "customer": {"type": "object", "required": ["id"]}},
}
BODY = {"customer": {"id": "c-1"}, "plan": "premium"}


@pytest.fixture
def configured(valkey, settings, tmp_path):
    settings.LAST_GOOD = tmp_path / "last-good.json"
    targets.put("payment", {"base_url": "http://127.0.0.1:9001"}, by=BY)
    compositions.put("onboard", {"type": "STANDARD", "definition": asking("payment")}, by=BY)
    stated = {"target": "onboard", "schema": SCHEMA, "order_by": "$.customer.id", "keep_headers": ["X-Campaign"]}
    pipes.put("onboarding", {**stated, "max_backlog": 6}, by=BY)
    pipes.put("strict", {"target": "onboard", "idempotency_key": "required"}, by=BY)
    for slug, rest in (("onboarding", {}), ("strict", {}), ("keyed", {"api_key_required": True})):
        integration = {"type": "pipe", "pipe": "onboarding" if slug == "keyed" else slug}
        routes.put(slug, {"path": f"/{slug}", "methods": ["POST"], "integration": integration, **rest}, by=BY)
    plans.put("gold", {"rate": 1000, "burst": 1000, "on_store_error": "local"}, by=BY)


@pytest.fixture
async def door(configured):
    async with inside() as opened:
        yield opened


async def post(door: Inside, body: Any, *fields: tuple[str, str], path: str = "/onboarding") -> Heard:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await door.ask(path, "POST", ("content-length", str(len(text))), *fields, body=text)


def rows() -> list[Intent]:
    return list(Intent.objects.order_by("id"))


async def test_an_accepted_intent_has_an_id_a_place_and_a_row(door: Inside) -> None:
    campaign = ("x-campaign", "spring"), ("authorization", "Bearer secret"), ("cookie", "session=1")
    heard = await post(door, BODY, *campaign)
    told = heard.json()
    assert heard.status == 202
    assert told == {"id": told["id"], "status": "ACCEPTED", "status_url": f"/-/intents/{told['id']}"}
    assert (heard.headers["location"], heard.headers["cache-control"]) == (told["status_url"], "no-store")
    (row,) = await asyncio.to_thread(rows)
    assert (row.pk, row.pipe, json.loads(row.body), row.order_key) == (told["id"], "onboarding", BODY, "c-1")
    assert json.loads(row.headers) == {"x-campaign": "spring"}, "only what the pipe keeps"


async def test_the_same_key_gets_the_same_answer_quoted_or_not_and_after_the_body_is_gone(door: Inside) -> None:
    first = await post(door, BODY, ("idempotency-key", '"abc-1"'))
    reordered = dict(reversed(BODY.items()))
    again = await post(door, reordered, ("idempotency-key", "abc-1"))
    assert (again.status, again.body) == (202, first.body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    await asyncio.to_thread(lambda: Intent.objects.update(body="", headers="", status="SUCCEEDED"))
    assert (await post(door, BODY, ("idempotency-key", "abc-1"))).body == first.body
    other = await post(door, {**BODY, "plan": "basic"}, ("idempotency-key", "abc-1"))
    assert other.kind == (422, "idempotency-key-reused")
    assert len(await asyncio.to_thread(rows)) == 1


async def test_keys_of_two_consumers_are_two_keys(door: Inside) -> None:
    def key_of(consumer: str) -> str:
        consumers.put(consumer, {}, by=BY)
        return keys.create(consumer, {"plans": ["gold"], "title": "test"}, by=BY)[1]

    secrets = [await asyncio.to_thread(key_of, consumer) for consumer in ("acme", "other")]
    await door.plane.config.refresh(database=True)
    both = [
        await post(door, BODY, ("idempotency-key", "k"), ("x-api-key", secret), path="/keyed") for secret in secrets
    ]
    assert [heard.status for heard in both] == [202, 202]
    assert both[0].body != both[1].body
    assert {row.consumer for row in await asyncio.to_thread(rows)} == {"acme", "other"}


async def test_one_key_sent_many_times_at_once_is_one_intent(door: Inside) -> None:
    heard = await asyncio.gather(*(post(door, BODY, ("idempotency-key", "k")) for _ in range(8)))
    assert {answer.status for answer in heard} <= {202, 409}
    assert len({answer.json()["id"] for answer in heard if answer.status == 202}) == 1
    assert all(answer.headers["retry-after"] == "1" for answer in heard if answer.status == 409)
    assert len(await asyncio.to_thread(rows)) == 1


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (b"", "", "required"),
        (b"{", "", "parse_error"),
        (b"a=1", "", "parse_error"),
        (b'{"plan": NaN}', "", "parse_error"),
        (b"[" * 101 + b"]" * 101, "", "too_deep"),
        ({"plan": "gold", "customer": {"id": 1}}, "plan", "enum"),
        ({"plan": "basic", "customer": {}}, "customer.id", "required"),
        ({"plan": "basic", "customer": {"id": ["x"]}}, "customer.id", "required"),
    ],
)
async def test_a_body_that_the_pipe_does_not_take_names_its_field(
    door: Inside, body: Any, path: str, code: str
) -> None:
    heard = await post(door, body)
    assert heard.kind == (400, "invalid")
    assert [(found["path"], found["code"]) for found in heard.json()["problems"]] == [(path, code)]
    assert await asyncio.to_thread(rows) == []


async def test_a_key_is_asked_for_where_the_pipe_needs_one(door: Inside) -> None:
    heard = await post(door, BODY, path="/strict")
    assert (heard.status, heard.json()["problems"][0]["path"]) == (400, "Idempotency-Key")
    assert (await post(door, BODY, ("idempotency-key", '""'), path="/strict")).status == 400
    assert (await post(door, BODY, ("idempotency-key", "k"), path="/strict")).status == 202


async def test_beyond_the_backlog_the_door_says_when_to_come_again(door: Inside) -> None:
    heard = await asyncio.gather(*(post(door, BODY) for _ in range(10)))
    assert sorted(answer.status for answer in heard) == [202] * 6 + [503] * 4
    full = next(answer for answer in heard if answer.status == 503)
    assert full.kind == (503, "intent-not-accepted")
    assert int(full.headers["retry-after"]) > 0
    assert len(await asyncio.to_thread(rows)) == 6


async def test_an_intent_tells_how_it_goes_to_whoever_knows_its_id(door: Inside) -> None:
    accepted = (await post(door, BODY)).json()
    origin = ("origin", "https://shop.example")
    heard = await door.ask(accepted["status_url"], "GET", origin)
    told = heard.json()
    assert (heard.status, heard.headers["access-control-allow-origin"]) == (200, "*")
    assert {"id", "status", "accepted_at", "outcome", "delay"} <= set(told)
    assert (told["status"], told["outcome"], told["delay"], told["poll_after_s"]) == ("ACCEPTED", None, None, 2)
    same = await door.ask(accepted["status_url"], "GET", ("if-none-match", heard.headers["etag"]))
    assert (same.status, same.body) == (304, b"")

    ended = {"status": "FAILED", "outcome": '{"error": "Card.Declined"}', "body": ""}
    await asyncio.to_thread(lambda: Intent.objects.update(**ended))
    told = (await door.ask(accepted["status_url"])).json()
    assert (told["status"], told["poll_after_s"]) == ("FAILED", None)
    assert told["outcome"] == {"ended_at": None, "error": "Card.Declined"}


async def test_a_waiting_intent_carries_what_its_journeys_flag_says(door: Inside) -> None:
    accepted = (await post(door, BODY)).json()

    def break_payment() -> None:
        overrides.put("payment", state="FORCED_OPEN", reason="outage", by=BY)

    await asyncio.to_thread(break_payment)
    await door.plane.config.refresh(database=True)
    told = (await door.ask(accepted["status_url"])).json()
    assert told["delay"]["journey"] == "onboarding"
    assert (told["delay"]["delayed"], told["delay"]["retry"], told["poll_after_s"]) == (True, False, 10)


@pytest.mark.parametrize("path", ["/-/intents/" + "0" * 28, "/-/intents/x", "/-/intents/", "/-/intents/../usage"])
async def test_an_unknown_intent_is_not_found(door: Inside, path: str) -> None:
    assert (await door.ask(path)).status == 404


async def test_pages_of_other_origins_may_ask_and_only_reading_is_possible(door: Inside) -> None:
    path = "/-/intents/" + "0" * 28
    preflight = await door.ask(path, "OPTIONS", ("origin", "https://shop.example"))
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert (await door.ask(path, "DELETE")).status == 405


def test_while_the_database_is_away_nothing_is_accepted_and_the_door_says_so(tmp_path: Path) -> None:
    pipe = {"max_backlog": 10, "journey": "orders", "schema": None, "order_by": None}
    way = {"methods": ["POST"], "path": "/orders", "integration": {"type": "pipe", "pipe": "orders"}}
    pieces = [Piece("pipe", "orders", pipe).sealed(), Piece("route", "orders", way).sealed()]
    opened = Door(tmp_path, pieces, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    try:
        refused = opened.ask("/orders", "POST", body=b"{}")
        assert (refused.status, refused.json()["reason"]) == (503, "database")
        assert int(refused.headers["retry-after"]) > 0
        assert opened.ask("/-/intents/" + "0" * 28).status == 503
        assert opened.ask("/-/healthz").status == 200
    finally:
        opened.stop()
