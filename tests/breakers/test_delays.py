"""The processing-delay flag: when it is up, what it says, and that an unchanged one is a 304."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from breakers.core import machine
from breakers.core.machine import Circuit
from breakers.core.settings import Override, ProbeSettings, TargetSettings
from breakers.core.states import State
from breakers.delays import DelayDocs
from breakers.delays.conditional import matches
from controlplane.config.feed import Snapshot
from controlplane.config.pieces import Piece
from controlplane.kernel.errors import NotFound, Unavailable

T0 = 1_800_000_000_000


class Target:
    def __init__(self, slug: str) -> None:
        self.settings = TargetSettings(slug, "http://127.0.0.1:1", probe=ProbeSettings(interval_s=10))
        self.circuit, self.override = Circuit(), None

    def effective(self, now_ms):
        return machine.effective(self.circuit, self.settings.breaker, self.override, now_ms)

    def open(self, since_ms, wait_ms=30_000):
        self.circuit = Circuit(State.OPEN, since_ms, since_ms, since_ms + wait_ms, "", 1, since_ms)


class Plane:
    """What the documents read of a process, with a clock that is turned by hand."""

    def __init__(self) -> None:
        self.now, self.store_ok = T0, True
        self.backlogs = {}
        self.circuits = {"payment": Target("payment"), "search": Target("search")}
        self.config = SimpleNamespace(source="none", snapshot=Snapshot())
        self.listeners = []
        self.pieces = {}

    def now_ms(self):
        return self.now

    def on_change(self, callback):
        self.listeners.append(callback)

    def changed(self):
        for listener in self.listeners:
            listener()

    def put(self, kind, slug, body):
        self.pieces[kind, slug] = Piece(kind, slug, body).sealed()
        self.config = SimpleNamespace(source="database", snapshot=Snapshot(1, dict(self.pieces)))
        self.changed()

    def drop(self, kind, slug):
        del self.pieces[kind, slug]
        self.config = SimpleNamespace(source="database", snapshot=Snapshot(1, dict(self.pieces)))
        self.changed()


class Backlog:
    """What waits in one pipe."""

    def __init__(self, waiting, *, oldest_ms=None, eta_s=None, draining=False, state="RUNNING", since_ms=0) -> None:
        self.waiting, self.oldest_ms, self.eta_s, self.draining = waiting, oldest_ms, eta_s, draining
        self.state, self.since_ms = state, since_ms


@pytest.fixture
def plane():
    return Plane()


@pytest.fixture
def docs(plane):
    docs = DelayDocs(plane, min_on_s=5, origins=["*"], sources=[])
    journeys = {"subscribe": ["payment"], "find": ["search"], "both": ["payment", "search"]}
    for slug, targets in journeys.items():
        messages = {"en": f"{slug} takes longer", "de": f"{slug} dauert"}
        plane.put("journey", slug, {"title": slug, "targets": targets, "severity": "warning", "messages": messages})
    return docs


def read(docs, journey=None, **options):
    status, headers, body = docs.respond(None, journey, **options)
    assert status == 200
    return json.loads(body), dict(headers)


def flags(docs):
    return {entry["journey"]: entry["delayed"] for entry in read(docs)[0]["journeys"]}


def test_nothing_is_delayed_while_calls_flow(docs):
    document, headers = read(docs)
    assert document["delayed"] is False
    assert document["since"] is None
    assert document["stale"] is False
    assert document["poll_after_s"] == 15
    assert document["as_of"] == "2027-01-15T08:00:00.000Z"
    assert document["journeys"][0] == {
        "journey": "both",
        "title": "both",
        "delayed": False,
        "since": None,
        "severity": "warning",
        "message": None,
        "estimated_s": None,
        "retry": False,
    }
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"] == "public, max-age=2, must-revalidate"


def test_an_open_circuit_delays_the_journeys_that_need_it_and_no_other(plane, docs):
    plane.circuits["payment"].open(T0 - 1000)
    plane.changed()
    assert flags(docs) == {"both": True, "find": False, "subscribe": True}
    document, _ = read(docs)
    assert document["delayed"] is True
    assert document["since"] == "2027-01-15T07:59:59.000Z"
    assert document["poll_after_s"] == 5
    entry = document["journeys"][2]
    assert (entry["message"], entry["estimated_s"], entry["retry"]) == ("subscribe takes longer", 29, False)


@pytest.mark.parametrize("state", [State.OPEN, State.HALF_OPEN])
def test_the_flag_stays_up_through_half_open(plane, docs, state):
    plane.circuits["payment"].circuit = Circuit(state, T0, T0, T0 - 1, "", 1, T0 - 60_000)
    plane.changed()
    document, _ = read(docs, "subscribe")
    assert document["delayed"] is True
    assert document["since"] == "2027-01-15T07:59:00.000Z", "of the outage, not of the last opening"
    assert document["estimated_s"] == 0


def test_nobody_knows_how_long_when_the_test_is_overdue(plane, docs):
    plane.circuits["payment"].open(T0 - 60_000)
    plane.changed()
    assert read(docs, "subscribe")[0]["estimated_s"] is None


def test_the_longest_wait_decides_the_estimate_and_the_earliest_outage_the_start(plane, docs):
    plane.circuits["payment"].open(T0 - 2000, 10_000)
    plane.circuits["search"].open(T0 - 1000, 30_000)
    plane.changed()
    document, _ = read(docs, "both")
    assert (document["estimated_s"], document["since"]) == (29, "2027-01-15T07:59:58.000Z")


def test_an_operators_stop_delays_until_it_expires(plane, docs):
    plane.circuits["payment"].override = Override(State.FORCED_OPEN, "deploy", "ann", T0 - 500, T0 + 60_000)
    plane.changed()
    assert read(docs, "subscribe")[0]["estimated_s"] == 60
    plane.now = T0 + 60_001
    docs.recompute()
    assert flags(docs)["subscribe"] is False


def test_an_operators_release_ends_the_delay_of_an_open_circuit(plane, docs):
    plane.circuits["payment"].open(T0 - 60_000)
    plane.circuits["payment"].override = Override(State.FORCED_CLOSED, "false alarm", "ann", T0)
    plane.changed()
    assert flags(docs)["subscribe"] is False


def test_a_flag_that_went_up_stays_up_for_its_minimum_on_time(plane, docs):
    plane.circuits["payment"].open(T0)
    plane.changed()
    plane.circuits["payment"].circuit = Circuit()
    plane.now = T0 + 4999
    plane.changed()
    document, _ = read(docs, "subscribe")
    assert (document["delayed"], document["since"]) == (True, "2027-01-15T08:00:00.000Z")
    plane.now = T0 + 5001
    docs.recompute()
    assert flags(docs)["subscribe"] is False


def test_an_operators_word_wins_over_the_circuits_at_once_both_ways(plane, docs):
    word = {"delayed": True, "message": "We are moving house", "severity": "critical", "reason": "x", "by": "ann"}
    plane.put("delay", "find", word | {"since_ms": T0 - 9000, "expires_at_ms": None})
    document, _ = read(docs, "find")
    assert (document["delayed"], document["message"], document["severity"]) == (True, "We are moving house", "critical")
    assert (document["since"], document["estimated_s"]) == ("2027-01-15T07:59:51.000Z", None)
    plane.drop("delay", "find")
    assert flags(docs)["find"] is False
    plane.circuits["payment"].open(T0)
    plane.changed()
    plane.put("delay", "subscribe", word | {"delayed": False, "since_ms": T0, "expires_at_ms": None})
    assert flags(docs)["subscribe"] is False
    assert flags(docs)["both"] is True


def test_a_word_without_text_says_what_the_journey_says(plane, docs):
    word = {"delayed": True, "message": "", "severity": None, "reason": "", "by": "ann", "since_ms": T0}
    plane.put("delay", "find", word | {"expires_at_ms": T0 + 30_000})
    document, _ = read(docs, "find")
    assert (document["message"], document["severity"]) == ("find takes longer", "warning")


async def test_an_expiry_needs_no_event_to_be_noticed(plane, docs):
    plane.put("delay", "find", {"delayed": True, "message": "soon over", "since_ms": T0, "expires_at_ms": T0 + 50})
    assert flags(docs)["find"] is True
    plane.now = T0 + 50
    await asyncio.sleep(0.2)
    assert flags(docs)["find"] is False
    docs.close()


async def test_as_of_moves_on_each_second_and_the_etag_does_not(plane, docs):
    plane.circuits["payment"].open(T0)
    plane.changed()
    before, headers = read(docs)
    plane.now += 1000
    await asyncio.sleep(1.1)
    after, later = read(docs)
    assert before["as_of"] < after["as_of"]
    assert after["journeys"][2]["estimated_s"] == before["journeys"][2]["estimated_s"] - 1
    assert headers["etag"] == later["etag"]
    docs.close()


def test_an_unchanged_flag_is_a_304_and_a_changed_one_is_not(plane, docs):
    _, headers = read(docs)
    status, unchanged, body = docs.respond(headers["etag"])
    assert (status, body) == (304, b"")
    assert dict(unchanged)["etag"] == headers["etag"]
    assert dict(unchanged)["access-control-allow-origin"] == "*"
    plane.circuits["payment"].open(T0)
    plane.changed()
    assert docs.respond(headers["etag"])[0] == 200


def test_an_event_elsewhere_leaves_a_journeys_etag_alone(plane, docs):
    _, headers = read(docs, "find")
    plane.circuits["payment"].open(T0)
    plane.changed()
    assert docs.respond(headers["etag"], "find")[0] == 304


@pytest.mark.parametrize(
    ("given", "same"),
    [
        (b'W/"abc"', True),
        (b'"abc"', True),
        (b'"x", W/"abc"', True),
        (b'"x","abc" , "y"', True),
        (b"*", True),
        (b'"ab"', False),
        (b"abc", False),
        (b'"xabc"', False),
        (b"", False),
    ],
)
def test_tags_are_compared_weakly_with_every_one_in_the_list(given, same):
    assert matches(given, b'W/"abc"') is same


def test_every_language_has_its_own_words_and_falls_back(plane, docs):
    plane.circuits["payment"].open(T0)
    plane.changed()
    assert read(docs, "subscribe", language="de")[0]["message"] == "subscribe dauert"
    assert read(docs, "subscribe", language="de-CH")[0]["message"] == "subscribe dauert"
    assert read(docs, "subscribe", language="fr")[0]["message"] == "subscribe takes longer"


def test_a_journey_without_words_gets_honest_ones(plane, docs):
    plane.put("journey", "bare", {"title": "", "targets": ["payment"], "severity": "info", "messages": {}})
    plane.circuits["payment"].open(T0)
    plane.changed()
    assert "longer than usual" in read(docs, "bare")[0]["message"]


def test_an_unknown_journey_is_not_found(docs):
    with pytest.raises(NotFound):
        docs.respond(None, "nope")


def test_before_any_configuration_the_flag_says_when_to_come_back(plane):
    with pytest.raises(Unavailable) as refusal:
        DelayDocs(plane, min_on_s=5, origins=["*"], sources=[]).respond()
    assert refusal.value.retry_after == "1"


def test_listed_origins_are_named_and_others_are_not(plane, docs):
    strict = DelayDocs(plane, min_on_s=5, origins=["https://shop.example"], sources=[])
    _, headers = read(strict, origin="https://shop.example")
    assert headers["access-control-allow-origin"] == "https://shop.example"
    assert headers["vary"] == "Origin"
    _, headers = read(strict, origin="https://evil.example")
    assert "access-control-allow-origin" not in headers
    assert headers["vary"] == "Origin"


def test_when_the_store_is_away_for_more_than_a_hiccup_the_document_says_so(plane, docs):
    plane.store_ok = False
    plane.changed()
    assert read(docs)[0]["stale"] is False
    plane.now += 3001
    docs.recompute()
    document, _ = read(docs)
    assert (document["stale"], document["poll_after_s"]) == (True, 5)
    plane.store_ok = True
    docs.recompute()
    assert read(docs)[0]["stale"] is False


def test_other_floors_can_add_journeys_by_dotted_path(plane):
    def pipes(snapshot):
        yield "onboarding", {"title": "Onboarding", "targets": ["payment"]}

    docs = DelayDocs(plane, min_on_s=5, origins=["*"], sources=[pipes])
    plane.put("journey", "find", {"title": "find", "targets": ["search"]})
    plane.circuits["payment"].open(T0)
    plane.changed()
    assert flags(docs) == {"find": False, "onboarding": True}


def test_one_unreadable_piece_does_not_take_the_others_down(plane, docs):
    plane.put("journey", "broken", {"title": 5, "targets": "x"})
    assert "broken" not in flags(docs)
    assert "find" in flags(docs)


def rules(plane, **stated):
    plane.put("journey", "subscribe", {"title": "Subscribing", "targets": ["payment"], **stated})


def test_intents_that_wait_raise_nothing_unless_the_journey_says_so(plane, docs):
    plane.backlogs = {"subscribe": [Backlog(1000, oldest_ms=T0 - 3_600_000)]}
    plane.changed()
    assert flags(docs)["subscribe"] is False


def test_an_intent_that_is_too_old_raises_the_flag_since_it_began_to_wait(plane, docs):
    rules(plane, raise_at_age_s=60)
    plane.backlogs = {"subscribe": [Backlog(1, oldest_ms=T0 - 59_000)]}
    docs.recompute()
    assert flags(docs)["subscribe"] is False
    plane.now += 1000
    docs.recompute()
    document, _ = read(docs, "subscribe")
    assert (document["delayed"], document["since"]) == (True, "2027-01-15T07:59:01.000Z")


def test_a_backlog_beyond_its_threshold_raises_the_flag_with_its_forecast(plane, docs):
    rules(plane, raise_at_backlog=100)
    plane.backlogs = {"subscribe": [Backlog(60, eta_s=20), Backlog(40, eta_s=45)]}
    docs.recompute()
    assert read(docs, "subscribe")[0]["estimated_s"] == 50, "the last to drain decides, in tens of seconds"
    plane.backlogs = {"subscribe": [Backlog(60, eta_s=20), Backlog(39, eta_s=45)]}
    plane.now += 5001
    docs.recompute()
    assert flags(docs)["subscribe"] is False


@pytest.mark.parametrize(("clear_on", "stays"), [("close", False), ("drained", True)])
def test_after_closing_the_flag_stays_for_the_backlog_only_where_that_is_the_rule(plane, docs, clear_on, stays):
    rules(plane, clear_on=clear_on)
    plane.circuits["payment"].open(T0)
    plane.changed()
    plane.circuits["payment"].circuit = Circuit()
    plane.backlogs = {"subscribe": [Backlog(30, oldest_ms=T0, eta_s=30, draining=True)]}
    plane.now += 6000
    plane.changed()
    assert flags(docs)["subscribe"] is stays
    plane.backlogs = {"subscribe": [Backlog(0)]}
    plane.now += 6000
    docs.recompute()
    assert flags(docs)["subscribe"] is False


def test_a_pipe_that_an_operator_has_stopped_delays_its_journey_before_anything_waits(plane, docs):
    plane.backlogs = {"subscribe": [Backlog(0, state="STOPPED", since_ms=T0 - 3000)]}
    docs.recompute()
    document, _ = read(docs, "subscribe")
    assert (document["delayed"], document["since"]) == (True, "2027-01-15T07:59:57.000Z")
    assert document["estimated_s"] is None


def test_what_waits_behind_an_open_circuit_is_part_of_the_forecast(plane, docs):
    plane.circuits["payment"].open(T0, wait_ms=30_000)
    plane.backlogs = {"subscribe": [Backlog(40, oldest_ms=T0, eta_s=60)]}
    plane.changed()
    assert read(docs, "subscribe")[0]["estimated_s"] == 90
    plane.backlogs = {"subscribe": [Backlog(40, oldest_ms=T0, eta_s=None)]}
    plane.changed()
    assert read(docs, "subscribe")[0]["estimated_s"] is None


def test_shipped_words_are_english_and_german(plane, docs):
    rules(plane)
    plane.circuits["payment"].open(T0)
    plane.changed()
    assert "you do not need to try again" in read(docs, "subscribe")[0]["message"]
    assert "Sie müssen es nicht noch einmal versuchen" in read(docs, "subscribe", language="de-AT")[0]["message"]


def test_a_message_names_title_and_time_and_leaves_a_sentence_out_while_nobody_knows(plane, docs):
    words = {"en": "{title} is slow. Expect {time}. Sorry.", "de": "{title} dauert, etwa {time}."}
    rules(plane, messages=words)
    plane.circuits["payment"].open(T0, wait_ms=30_000)
    plane.changed()
    assert read(docs, "subscribe")[0]["message"] == "Subscribing is slow. Expect 30 seconds. Sorry."
    assert read(docs, "subscribe", language="de")[0]["message"] == "Subscribing dauert, etwa 30 Sekunden."
    plane.now += 60_000
    docs.recompute()
    assert read(docs, "subscribe")[0]["message"] == "Subscribing is slow. Sorry."
