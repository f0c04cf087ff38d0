"""Callers outside the front door: they read a circuit with a token, and what they report counts like our own calls."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.access.holders import hash_of
from controlplane.config.pieces import Piece

from .equipment import Door, eventually, publish, target

READER, WRITER, OPERATOR, OVER = "sg_reader", "sg_writer", "sg_operator", "sg_over"


def token(secret: str, *acts: str, expires_at_ms: int | None = None) -> dict:
    return {"hash": hash_of(secret), "name": f"svc ({secret})", "acts": list(acts), "expires_at_ms": expires_at_ms}


TOKENS = Piece(
    "tokens",
    "all",
    {
        "tokens": [
            token(READER, "view"),
            token(WRITER, "report"),
            token(OPERATOR, "view", "operate"),
            token(OVER, "view", expires_at_ms=1),
        ]
    },
).sealed()


def guarded(slug: str, **breaker):
    policies = [{"type": "consecutive_failures", "threshold": 3}]
    return target(slug, 1, breaker={"policies": policies, "wait_duration_in_open_state_s": 60, **breaker})


SLUGS = ("read", "fails", "twice", "late", "skewed", "order", "judged", "forced", "epochs", "unruly")
FORCED = Piece(
    "override",
    "forced",
    {"state": "FORCED_OPEN", "reason": "drill", "by": "ada", "since_ms": 1, "expires_at_ms": None},
).sealed()


@pytest.fixture(scope="module")
def door(tmp_path_factory, valkey_server):
    folder = tmp_path_factory.mktemp("outside")
    trying = guarded("trying", wait_duration_in_open_state_s=0.1, success_threshold=1)
    pieces = [TOKENS, FORCED, trying, *(guarded(slug) for slug in SLUGS)]
    publish(valkey_server.url, 1, pieces)
    opened = Door(folder, pieces, redis_url=valkey_server.url)
    eventually(lambda: ask(opened, "read").json()["stale"] is False)
    yield opened
    opened.stop()


def ask(door, slug, part="", secret=WRITER, body=None, *fields):
    sent = b"" if body is None else json.dumps(body).encode()
    auth = (("Authorization", f"Bearer {secret}"),) if secret else ()
    return door.ask(f"/-/circuits/{slug}{part}", "POST" if part else "GET", *auth, *fields, body=sent)


def report(door, slug, *outcomes, batch=None, **more):
    batch = batch or f"b-{time.monotonic_ns()}"
    answer = ask(door, slug, "/outcomes", WRITER, {"batch": batch, "outcomes": list(outcomes), **more})
    assert answer.status == 200, answer.body
    return answer.json()


def state(door, slug):
    return ask(door, slug).json()["effective_state"]


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_token_of_one_who_may_look_reads_the_state(door):
    answer = ask(door, "read", secret=READER)
    assert answer.status == 200
    document = answer.json()
    assert (document["effective_state"], document["may_call"], document["retry_after_s"]) == ("CLOSED", True, None)
    again = ask(door, "read", "", READER, None, ("If-None-Match", answer.headers["etag"]))
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("secret", ["", "sg_unknown", OVER])
def test_without_a_good_token_nothing_is_told(door, secret):
    answer = ask(door, "read", secret=secret)
    assert (answer.status, answer.json()["type"]) == (401, "/problems/no-token")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_who_may_only_look_reports_nothing(door):
    answer = ask(door, "read", "/outcomes", READER, {"batch": "x", "outcomes": []})
    assert (answer.status, answer.json()["act"]) == (403, "report")


@pytest.mark.parametrize("secret", [WRITER, OPERATOR])
def test_a_service_and_an_operator_may_both_read_and_report(door, secret):
    assert ask(door, "read", secret=secret).status == 200
    body = {"batch": secret, "outcomes": [{"status": 200, "at": at(-1)}]}
    assert ask(door, "read", "/outcomes", secret, body).status == 200


def test_reported_failures_open_the_circuit_for_everybody(door):
    done = report(door, "fails", *({"status": 503, "latency_ms": 12.5, "at": at(-1)} for _ in range(3)))
    assert (done["counted"], done["late"]) == (3, 0)
    answer = eventually(lambda: (found := ask(door, "fails")).json()["may_call"] is False and found)
    document = answer.json()
    assert (document["effective_state"], document["reason"]) == ("OPEN", "3 failures in a row (threshold 3)")
    assert 50 < document["retry_after_s"] <= 60
    assert int(answer.headers["retry-after"]) >= document["retry_after_s"]


def test_a_batch_counts_once(door):
    for _ in range(3):
        done = report(door, "twice", {"outcome": "timeout"}, batch="one")
    assert done["duplicate"] is True
    assert state(door, "twice") == "CLOSED"


def test_what_is_old_or_of_the_future_is_left_out(door):
    done = report(door, "late", *({"status": 500, "at": at(seconds)} for seconds in (-120, -90, -61, 30)))
    assert (done["counted"], done["late"], done["ahead"]) == (0, 3, 1)
    assert state(door, "late") == "CLOSED"


def test_a_clock_that_goes_wrong_is_set_right_by_when_the_batch_was_sent(door):
    wrong = -7200
    failures = [{"outcome": "connect_error", "at": at(wrong - 1)} for _ in range(3)]
    assert report(door, "skewed", *failures, sent_at=at(wrong))["counted"] == 3
    eventually(lambda: state(door, "skewed") == "OPEN")


def test_outcomes_count_in_the_order_in_which_they_happened(door):
    success = {"status": 200, "at": at(-2)}
    failures = [{"status": 500, "at": at(-moment)} for moment in (1, 3, 1)]
    report(door, "order", *failures, success)  # failure, success, failure, failure
    assert state(door, "order") == "CLOSED"
    report(door, "order", {"status": 500})
    eventually(lambda: state(door, "order") == "OPEN")


def test_the_targets_own_classification_judges_statuses(door):
    report(door, "judged", *({"status": status} for status in (404, 429, 404, 429)), {"outcome": "ignore"})
    assert state(door, "judged") == "CLOSED"


def test_an_operators_word_binds_callers_outside(door):
    document = ask(door, "forced").json()
    assert (document["effective_state"], document["may_call"], document["reason"]) == ("FORCED_OPEN", False, "drill")


def test_what_belongs_to_an_epoch_that_is_over_decides_nothing(door):
    done = report(door, "epochs", *({"status": 500} for _ in range(5)), epoch=12345)
    assert (done["counted"], done["other_epoch"]) == (5, 5)
    assert state(door, "epochs") == "CLOSED"


def test_who_has_no_permit_stays_away_while_recovery_is_tried(door):
    report(door, "trying", *({"status": 500} for _ in range(3)))
    eventually(lambda: state(door, "trying") == "OPEN")
    granted = eventually(lambda: (found := ask(door, "trying", "/permits")).status == 201 and found).json()
    assert (state(door, "trying"), ask(door, "trying").json()["may_call"]) == ("HALF_OPEN", False)
    report(door, "trying", {"status": 200, "permit": granted["permit"]})
    eventually(lambda: state(door, "trying") == "CLOSED")
    refused = ask(door, "trying", "/permits")
    assert (refused.status, refused.json()["type"]) == (503, "/problems/breaker-open")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"outcomes": []}, "batch"),
        ({"batch": "", "outcomes": []}, "batch"),
        ({"batch": "b", "outcomes": [{}]}, "outcomes[0]"),
        ({"batch": "b", "outcomes": [{"status": 200, "outcome": "success"}]}, "outcomes[0]"),
        ({"batch": "b", "outcomes": [{"status": 200}, {"outcome": "broken"}]}, "outcomes[1].outcome"),
        ({"batch": "b", "outcomes": [{"status": 999}]}, "outcomes[0].status"),
        ({"batch": "b", "outcomes": [{"status": "200"}]}, "outcomes[0].status"),
        ({"batch": "b", "outcomes": [{"status": 200, "at": "2026-01-01T00:00:00"}]}, "outcomes[0].at"),
        ({"batch": "b", "outcomes": [{"status": 200, "latency_ms": -1}]}, "outcomes[0].latency_ms"),
        ({"batch": "b", "outcomes": [{"status": 200}] * 1001}, "outcomes"),
    ],
)
def test_what_cannot_be_counted_is_named_and_nothing_of_it_counts(door, body, path):
    answer = ask(door, "unruly", "/outcomes", WRITER, body)
    assert answer.status == 400, answer.body
    assert path in [problem["path"] for problem in answer.json()["problems"]]


def test_bodies_are_bounded_and_addresses_exact(door):
    large = door.ask(
        "/-/circuits/unruly/outcomes", "POST", ("Authorization", f"Bearer {WRITER}"), body=b" " * (256 * 1024 + 1)
    )
    assert large.status == 413
    assert ask(door, "nothing").status == 404
    assert ask(door, "unruly", "/else").status == 404
    assert door.ask("/-/circuits/unruly", "DELETE", ("Authorization", f"Bearer {WRITER}")).status == 405
