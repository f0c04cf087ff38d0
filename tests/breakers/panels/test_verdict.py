"""The board's opening sentence says what a person woken at 3 a.m. needs to know."""

import pytest

from breakers.core import counts
from breakers.core.machine import Circuit
from breakers.core.settings import BreakerSettings, Override, ProbeSettings, TargetSettings
from breakers.core.states import State
from breakers.panels.rows import Row
from breakers.panels.verdict import Fleet, verdict
from breakers.store.board import CircuitReading

NOW = 1_772_334_960_000  # 2026-03-01 03:16:00 UTC
SECOND, MINUTE = 1000, 60_000


def second(**fields: int) -> list[int]:
    row = counts.empty()
    for name, value in fields.items():
        row[counts.FIELDS.index(name)] = value
    return row


def row(title="Payment", *, circuit=None, order=None, mode="enforce", **given) -> Row:
    traffic = {name: given.pop(name) for name in list(given) if name in counts.FIELDS}
    breaker = BreakerSettings(mode=mode, half_open_by=given.pop("half_open_by", "probe"))
    settings = TargetSettings(title.lower(), "http://127.0.0.1:1", title, breaker=breaker, probe=ProbeSettings())
    seconds = [(NOW // 1000 - 5, second(**traffic))] if traffic else []
    return Row(settings, CircuitReading(circuit or Circuit(), seconds), NOW, override=order, **given)


def opened(minutes=4, *, wait_s=42, openings=1, reason="5 failures in a row (threshold 5)") -> Circuit:
    since = NOW - minutes * MINUTE
    return Circuit(
        State.OPEN, since, since, NOW + wait_s * SECOND, reason, openings, outage_ms=since - (openings - 1) * 6 * MINUTE
    )


def half_open(passed=1) -> Circuit:
    return Circuit(State.HALF_OPEN, 5, NOW - 3 * SECOND, 0, "the wait is over", 1, NOW - MINUTE, passed=passed)


def order(state=State.FORCED_OPEN, *, lasts_min=28.0, reason="provider maintenance") -> Override:
    ends = NOW + int(lasts_min * MINUTE) if lasts_min else None
    return Override(state, reason, "ana", NOW - 2 * MINUTE, ends)


def fleet(**given) -> Fleet:
    return Fleet(**({"expected": 2, "alive": 2, "applied": 2, "version": 41, "beat_ms": NOW - 500} | given))


CASES = {
    "everything is fine": (
        [row(calls=100, failures=1), row("Search", calls=60)],
        fleet(),
        "fine",
        "Both circuits carry traffic: 0.6 % of 160 calls failed in the last minute. Nothing to do.",
    ),
    "some circuits have no data": (
        [row(calls=100), row("Search"), row("Fraud")],
        fleet(),
        "fine",
        "1 of 3 circuits carries traffic: none of 100 calls failed in the last minute;"
        " 2 had no calls in the last 60 s (no data). Nothing to do.",
    ),
    "nothing has data": (
        [row(), row("Search")],
        fleet(),
        "watch",
        "Both circuits are closed, but there is no data: no calls in the last 60 s. Nothing to do.",
    ),
    "nothing is registered": ([], fleet(), "watch", "No target is registered yet: nothing is guarded."),
    "one circuit is open": (
        [row(circuit=opened(), journeys=["Subscribing"], cached=180, rejected=32), row("Search", calls=60)],
        fleet(),
        "trouble",
        "Payment is open since 03:12 (4 min): 5 failures in a row. Customers in Subscribing see the delay notice;"
        " in the last minute 212 requests came: 180 answered from cache and 32 refused."
        " Nothing to do: next probe in 42 s.",
    ),
    "one circuit is open and nobody waits": (
        [row(circuit=opened(wait_s=-3), half_open_by="traffic")],
        fleet(),
        "trouble",
        "Payment is open since 03:12 (4 min): 5 failures in a row. Nobody asked for it in the last minute."
        " Nothing to do: next trial call is due now.",
    ),
    "several circuits are open": (
        [
            row(circuit=opened(), journeys=["Subscribing"], rejected=2),
            row("Search", circuit=opened(1, wait_s=12), journeys=["Searching"], cached=3),
            row("Fraud", calls=9),
        ],
        fleet(),
        "trouble",
        "2 of 3 circuits are not as they should be: Search open since 03:15 (60 s), Payment open since 03:12 (4 min)."
        " Customers in Searching and Subscribing see the delay notice;"
        " in the last minute 5 requests came: 3 answered from cache and 2 refused."
        " Nothing to do: next probe in 12 s (Search).",
    ),
    "one circuit is half open": (
        [row(circuit=half_open(), rejected=1)],
        fleet(),
        "trouble",
        "Payment is open since 03:15 (60 s), and recovery is being tested: 1 of 3 trial calls passed."
        " 1 request was refused in the last minute."
        " Nothing to do: it closes by itself when the trial calls pass.",
    ),
    "a circuit keeps opening": (
        [row(circuit=opened(0, openings=4, reason="a probe failed: status 500"), contact="+43 1 555", rejected=7)],
        fleet(),
        "act",
        "Payment is open since 02:58 (18 min), 3 attempts to recover failed: a probe failed: status 500."
        " 7 requests were refused in the last minute."
        " Payment does not recover by itself. Act: call +43 1 555.",
    ),
    "a first attempt to recover has failed": (
        [row(circuit=opened(1, openings=2, reason="a probe failed: status 500"), contact="+43 1 555", rejected=7)],
        fleet(),
        "trouble",
        "Payment is open since 03:09 (7 min), 1 attempt to recover failed: a probe failed: status 500."
        " 7 requests were refused in the last minute. Nothing to do: next probe in 42 s.",
    ),
    "an operator stopped a circuit": (
        [row(order=order(), journeys=["Subscribing"], cached=5), row("Search", calls=3)],
        fleet(),
        "act",
        "Payment is stopped by ana since 03:14 (2 min), until 03:44 (28 min left): provider maintenance."
        " Customers in Subscribing see the delay notice; 5 requests were answered from cache in the last minute."
        " You need to decide on Payment: lift it or prolong it.",
    ),
    "an operator stopped a circuit without end": (
        [row(order=order(lasts_min=0))],
        fleet(),
        "act",
        "Payment is stopped by ana since 03:14 (2 min), until somebody lifts it: provider maintenance."
        " Nobody asked for it in the last minute."
        " You need to decide on Payment: lift it when it is no longer needed.",
    ),
    "an operator keeps a failing circuit closed": (
        [row(circuit=opened(), order=order(State.FORCED_CLOSED), calls=50, failures=40)],
        fleet(),
        "act",
        "Payment is kept closed by ana since 03:14 (2 min), until 03:44 (28 min left): provider maintenance."
        " The breaker itself concludes OPEN (5 failures in a row): calls run into the failure."
        " Payment carries traffic, but 80 % of 50 calls failed in the last minute."
        " You need to decide on Payment: lift it or prolong it.",
    ),
    "an operator keeps a sound circuit closed": (
        [row(order=order(State.FORCED_CLOSED), calls=50)],
        fleet(),
        "fine",
        "The only circuit carries traffic: none of 50 calls failed in the last minute."
        " Payment is kept closed by ana since 03:14 (2 min), until 03:44 (28 min left): provider maintenance."
        " Nothing to do.",
    ),
    "an order is about to lapse": (
        [row(order=order(lasts_min=1.5))],
        fleet(),
        "act",
        "Payment is stopped by ana since 03:14 (2 min), until 03:17 (90 s left): provider maintenance."
        " Nobody asked for it in the last minute."
        " The order on Payment lapses in 90 s, then traffic flows again, because the breaker concludes CLOSED."
        " You need to decide on Payment: lift it or prolong it.",
    ),
    "an order has lapsed": (
        [row(order=order(lasts_min=-1), calls=10)],
        fleet(),
        "fine",
        "The only circuit carries traffic: none of 10 calls failed in the last minute. Nothing to do.",
    ),
    "a closed circuit fails often": (
        [row(calls=100, failures=34)],
        fleet(),
        "watch",
        "The only circuit carries traffic: 34 % of 100 calls failed in the last minute."
        " Payment carries traffic, but 34 % of 100 calls failed in the last minute."
        " Watch it; nothing is stopped.",
    ),
    "an observed circuit would be open": (
        [row(circuit=opened(), mode="observe", calls=9)],
        fleet(),
        "fine",
        "The only circuit carries traffic: none of 9 calls failed in the last minute."
        " Payment would be open if it were enforced: 5 failures in a row. Nothing to do.",
    ),
    "the store is away": (
        [row(circuit=opened(), rejected=2)],
        fleet(store_ok=False, read_ms=NOW - 38 * SECOND),
        "act",
        "The store does not answer: what you see is 38 s old. Payment is open since 03:12 (4 min): 5 failures in a row."
        " 2 requests were refused in the last minute. Act: bring the store (Valkey) back.",
    ),
    "the store was never there": (
        [],
        fleet(store_ok=False),
        "act",
        "The store does not answer and has not been read yet: nothing below is known."
        " Act: bring the store (Valkey) back.",
    ),
    "beat is dead": (
        [row(calls=10)],
        fleet(beat_ms=NOW - 40 * SECOND),
        "act",
        "The only circuit carries traffic: none of 10 calls failed in the last minute."
        " Recovery by itself is off: no probe has run for 40 s. Act: restart beat.",
    ),
    "beat never ran": (
        [row(calls=10)],
        fleet(beat_ms=None),
        "act",
        "The only circuit carries traffic: none of 10 calls failed in the last minute."
        " Recovery by itself is off: no probe has ever run. Act: start beat.",
    ),
    "a front door is missing": (
        [row(calls=10)],
        fleet(alive=1),
        "act",
        "The only circuit carries traffic: none of 10 calls failed in the last minute."
        " 1 of 2 front-door workers is missing: act if the supervisor does not bring it back.",
    ),
    "no front door is left": (
        [row()],
        fleet(alive=0),
        "act",
        "The only circuit is closed, but there is no data: no calls in the last 60 s."
        " No front-door worker is alive, so no traffic passes: act, restart the front door.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_says_so_when(case):
    rows, workers, tone, sentence = CASES[case]
    found = verdict(rows, workers, NOW)
    assert str(found).replace("\u00a0", " ") == sentence
    assert found.tone == tone
