"""Rows: what is known of a circuit, in which lane it stands, and how its traffic is drawn."""

import xml.etree.ElementTree as ET

from breakers.core.machine import Circuit
from breakers.core.settings import CacheSettings, FallbackSettings, Override
from breakers.core.states import State
from breakers.panels import previews, sparkline
from breakers.panels.rows import SIGNS, Row, in_lanes, worst_first
from breakers.panels.settings_table import settings_table

from .test_verdict import NOW, opened, order, row, second


def test_every_state_has_a_sign_of_its_own_shape():
    assert len(set(SIGNS.values())) == len(State)


def test_the_worst_stands_on_top_and_quiet_circuits_below_loud_ones():
    rows = [
        row("Quiet"),
        row("Loud", calls=5),
        row("Failing", calls=50, failures=20),
        row("Disabled", order=order(State.DISABLED)),
        row("Testing", circuit=Circuit(State.HALF_OPEN, 1, NOW - 5)),
        row("Old outage", circuit=opened(9)),
        row("New outage", circuit=opened(1)),
    ]
    titles = [found.title for found in worst_first(rows)]
    assert titles == ["New outage", "Old outage", "Testing", "Disabled", "Failing", "Loud", "Quiet"]
    assert [lane.slug for lane, _ in in_lanes(rows)] == ["open", "half-open", "ordered", "closed"]


def test_an_expired_order_binds_no_more():
    found = row(order=order(lasts_min=-1), circuit=opened())
    assert found.order is None
    assert found.effective is State.OPEN
    assert not found.at_odds


def test_no_probe_is_promised_while_an_operator_keeps_the_circuit_open():
    assert row(circuit=opened(), order=order()).next_probe_ms is None
    assert row(circuit=opened()).next_probe_ms == NOW + 42_000
    assert row().next_probe_ms is None


def test_the_series_has_a_place_for_every_second_and_leaves_the_running_one_out():
    found = row(calls=4, failures=1)
    series = found.series(120)
    assert len(series) == 120
    assert series[-5] == second(calls=4, failures=1)
    assert not any(map(any, series[-4:]))


def test_a_sparkline_is_well_formed_and_says_in_words_what_it_shows():
    drawing = ET.fromstring(sparkline.calls(row(calls=8, failures=8).series()))
    assert drawing.get("role") == "img"
    assert drawing.get("aria-label") == "Up to 2 calls a second, 4 s with failures"
    kinds = [part.get("class") for part in drawing]
    assert "calls" in kinds
    assert "failures" in kinds


def test_a_sparkline_without_traffic_is_a_base_line():
    drawing = ET.fromstring(sparkline.calls(row().series()))
    assert [part.get("class") for part in drawing if part.get("class")] == ["base"]


def test_latencies_leave_gaps_where_nothing_was_called():
    busy = second(calls=1)
    busy[-3] = 1
    drawing = ET.fromstring(sparkline.latencies([busy] * 5 + [second()] * 5 + [busy] * 5))
    assert [part.get("class") for part in drawing].count("p99") == 2


def effects(found: Row, state: str, *given) -> str:
    choice = next(choice for choice in previews.choices(found, *given) if choice.state == state)
    return " ".join(choice.effects).replace("\u00a0", " ")


def test_the_preview_of_a_stop_tells_traffic_customers_answers_and_routes():
    found = row(calls=30, journeys=["Subscribing"])
    told = effects(found, State.FORCED_OPEN, ["Subscribe"], 12)
    assert "30 calls went through in the last minute" in told
    assert "Customers in Subscribing see the delay notice." in told
    assert "12 answers of up to 24 h old are in the cache" in told
    assert "Routes concerned: Subscribe." in told


def test_the_preview_of_a_stop_says_when_nothing_can_be_answered():
    found = row()
    found.settings = found.settings.__class__("p", "http://x", cache=CacheSettings(write_through=False))
    assert "every request gets 503 with Retry-After" in effects(found, State.FORCED_OPEN)
    found.settings = found.settings.__class__("p", "http://x", fallback=FallbackSettings({"body": {}}))
    assert "every request gets the static answer" in effects(found, State.FORCED_OPEN, (), 0)


def test_the_preview_of_keeping_a_failing_circuit_closed_warns():
    assert "The breaker concludes OPEN: calls will run into the failure" in effects(
        row(circuit=opened()), State.FORCED_CLOSED
    )


def test_back_to_automatic_is_offered_only_under_an_order_and_says_what_follows():
    assert previews.AUTOMATIC not in [choice.state for choice in previews.choices(row())]
    told = effects(row(circuit=opened(), order=order(State.FORCED_CLOSED)), previews.AUTOMATIC)
    assert told == "The breaker concludes OPEN: calls stop, and recovery is tried in 42 s."


def test_the_settings_are_told_in_the_order_in_which_a_call_meets_them():
    facts = dict(settings_table(row().settings))
    assert facts["Opens"] == "after 5 failures in a row"
    assert facts["Closes"].startswith("after 3 probes GET /health with status 200-299")
    assert facts["Last resort"] == "503 with Retry-After"


def test_an_order_without_expiry_never_lapses():
    assert Override(State.DISABLED, "why", "ana", 0).active(NOW * 10)
