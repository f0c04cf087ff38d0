"""The sentence that opens the board: what is broken, since when, who notices, what comes next, and whether to act.

Pure: rows and the fleet go in, a verdict comes out. Each function below is one sentence.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Literal, NamedTuple

import msgspec

from breakers.core.states import State

from .rows import QUIET_S, Row, worst_first
from .wording import Moment, count, listed, relative, share, short_reason, since, span, things, until

Tone = Literal["fine", "watch", "trouble", "act"]
Sentence = Sequence[str | Moment]

BEAT_LATE_MS = 15_000
LAPSES_SOON_MS = 120_000
# A circuit that opened so often in an outage of such length does not recover by waiting.
REOPENINGS = 3
PERSISTS_MS = 180_000


class Fleet(msgspec.Struct, frozen=True):
    """Who is at work: `expected` front doors, those alive, and those on the newest configuration `version`."""

    expected: int = 1
    alive: int = 1
    applied: int = 1
    version: int = 0
    beat_ms: float | None = None
    store_ok: bool = True
    read_ms: float | None = None  # the last time that the store answered


class Verdict(NamedTuple):
    tone: Tone
    sentences: Sequence[Sentence]
    action: Sentence

    @property
    def act(self) -> bool:
        return self.tone == "act"

    def __str__(self) -> str:
        return " ".join("".join(map(str, sentence)) for sentence in (*self.sentences, self.action) if sentence)


def verdict(rows: Iterable[Row], fleet: Fleet, now_ms: float, zone: tzinfo = UTC) -> Verdict:
    """The state of everything in a few sentences; the last one says whether somebody must act."""
    ordered = worst_first(rows)
    broken = [row for row in ordered if _broken(row)]
    sentences: list[Sentence] = []
    demands: list[Sentence] = []
    if not fleet.store_ok:
        sentences.append(_store_away(fleet, now_ms))
        demands.append(["Act: bring the store (Valkey) back."])
    if len(broken) == 1:
        sentences += [_one(broken[0], zone), *_consequences(broken)]
    elif broken:
        sentences += [_several(broken, len(ordered), zone), *_consequences(broken)]
    elif fleet.store_ok:
        sentences.append(_quiet_or_fine(ordered))
    sentences += [_order(row, zone) for row in ordered if row.order and row not in broken]
    sentences += [_lapse(row) for row in ordered if _lapses_soon(row)]
    sentences += [_failing(row) for row in ordered if row.failing][:2]
    sentences += [
        _would_be_open(row) for row in ordered if row.effective is State.METRICS_ONLY and row.observed is State.OPEN
    ]
    if fleet.store_ok:
        demands += _platform(fleet, now_ms)
    demands += [demand for row in broken if (demand := _demand(row, zone))]
    if demands:
        return Verdict("act", [*sentences, *demands[:-1]], demands[-1])
    if broken:
        return Verdict("trouble", sentences, _wait(broken, now_ms))
    if any(row.failing for row in ordered):
        return Verdict("watch", sentences, ["Watch it; nothing is stopped."])
    loud = any(not row.quiet for row in ordered)
    return Verdict("fine" if loud else "watch", sentences, ["Nothing to do."] if ordered else [])


def _broken(row: Row) -> bool:
    return row.stopped or (row.order is not None and row.observed is not State.CLOSED)


def _store_away(fleet: Fleet, now_ms: float) -> Sentence:
    if fleet.read_ms is None:
        return ["The store does not answer and has not been read yet: nothing below is known."]
    return [
        "The store does not answer: what you see is ",
        Moment(fleet.read_ms, f"{span(now_ms - fleet.read_ms)} old"),
        ".",
    ]


def _one(row: Row, zone: tzinfo) -> Sentence:
    if row.order:
        return _order(row, zone)
    at = _began(row, zone)
    if row.effective is State.HALF_OPEN:
        needed = row.settings.breaker.success_threshold
        passed = min(row.reading.circuit.passed, needed)
        text = f", and recovery is being tested: {passed} of {things(needed, 'trial call')} passed."
        return [f"{row.title} is open since ", at, text]
    tried = row.reading.circuit.openings - 1
    again = f", {things(tried, 'attempt')} to recover failed" if tried > 0 else ""
    return [f"{row.title} is open since ", at, f"{again}: {short_reason(row.reason)}."]


def _began(row: Row, zone: tzinfo) -> Moment:
    """When the trouble began: with the order, or with the outage, however often recovery was tried since."""
    began = 0 if row.order else row.reading.circuit.outage_ms
    return since(began or row.since_ms, row.now_ms, zone)


def _several(rows: Sequence[Row], total: int, zone: tzinfo) -> Sentence:
    sentence: list[str | Moment] = [f"{len(rows)} of {total} circuits are not as they should be: "]
    for index, row in enumerate(rows[:4]):
        sentence += [", " if index else "", f"{row.title} {_state(row)} since ", _began(row, zone)]
    return [*sentence, f" and {len(rows) - 4} more." if len(rows) > 4 else "."]


def _state(row: Row) -> str:
    if row.order:
        return {
            State.FORCED_OPEN: f"stopped by {row.order.by}",
            State.FORCED_CLOSED: f"kept closed by {row.order.by}",
        }.get(row.order.state, f"disabled by {row.order.by}")
    return "open" if row.effective is State.OPEN else "open (testing recovery)"


def _consequences(rows: Sequence[Row]) -> list[Sentence]:
    """What customers see and how many requests were concerned; stopped circuits only."""
    stopped = [row for row in rows if row.stopped]
    if not stopped:
        return []
    journeys = list(dict.fromkeys(title for row in stopped for title in row.journeys))
    cached, rejected = sum(row.cached for row in stopped), sum(row.rejected for row in stopped)
    served = " and ".join(
        [f"{count(cached)} answered from cache"] * bool(cached) + [f"{count(rejected)} refused"] * bool(rejected)
    )
    asked = f"in the last minute {things(cached + rejected, 'request')} came: {served}" if served else ""
    if cached + rejected and not (cached and rejected):
        were = "was" if cached + rejected == 1 else "were"
        how = "answered from cache" if cached else "refused"
        asked = f"{things(cached + rejected, 'request')} {were} {how} in the last minute"
    notice = f"Customers in {listed(journeys)} see the delay notice" if journeys else ""
    asked = asked or "nobody asked for it in the last minute"
    text = f"{notice}; {asked}." if notice else f"{asked[0].upper()}{asked[1:]}."
    return [[text]]


def _order(row: Row, zone: tzinfo) -> Sentence:
    """Who ordered what, why and until when; and what the breaker itself concludes when that differs."""
    order = row.order
    assert order is not None
    verb = {State.FORCED_OPEN: "stopped", State.FORCED_CLOSED: "kept closed"}.get(order.state, "unprotected (disabled)")
    sentence: list[str | Moment] = [
        f"{row.title} is {verb} by {order.by} since ",
        since(order.since_ms, row.now_ms, zone),
    ]
    if order.expires_at_ms is None:
        sentence.append(", until somebody lifts it")
    else:
        sentence += [", until ", until(order.expires_at_ms, row.now_ms, zone)]
    sentence.append(f": {order.reason.rstrip('.')}.")
    if row.observed is not State.CLOSED and order.state is not State.FORCED_OPEN:
        concluded = row.reading.circuit
        state = "OPEN" if row.observed is State.OPEN else "HALF_OPEN"
        sentence.append(
            f" The breaker itself concludes {state} ({short_reason(concluded.reason)}): calls run into the failure."
        )
    return sentence


def _lapses_soon(row: Row) -> bool:
    """Whether an order ends soon and something changes for customers when it does."""
    ends_ms = row.order.expires_at_ms if row.order else None
    changes = row.effective is State.FORCED_OPEN or row.observed is not State.CLOSED
    return ends_ms is not None and changes and ends_ms - row.now_ms < LAPSES_SOON_MS


def _lapse(row: Row) -> Sentence:
    assert row.order is not None
    assert row.order.expires_at_ms is not None
    then = {
        State.CLOSED: "traffic flows again"
        if row.order.state is State.FORCED_OPEN
        else "the breaker protects it again",
        State.OPEN: "calls stop again" if row.order.state is not State.FORCED_OPEN else "calls stay stopped",
    }.get(row.observed, "recovery is tested")
    when = relative(row.order.expires_at_ms, row.now_ms)
    text = f", then {then}, because the breaker concludes {row.observed}."
    return [f"The order on {row.title} lapses ", Moment(row.order.expires_at_ms, when), text]


def _failing(row: Row) -> Sentence:
    failed = share(row.failures, row.calls)
    return [f"{row.title} carries traffic, but {failed} of {things(row.calls, 'call')} failed in the last minute."]


def _would_be_open(row: Row) -> Sentence:
    return [f"{row.title} would be open if it were enforced: {short_reason(row.reading.circuit.reason)}."]


def _quiet_or_fine(rows: Sequence[Row]) -> Sentence:
    if not rows:
        return ["No target is registered yet: nothing is guarded."]
    loud = [row for row in rows if not row.quiet]
    calls, failures = sum(row.calls for row in loud), sum(row.failures for row in loud)
    if not loud:
        whose = f"{_all(rows)} {'is' if len(rows) == 1 else 'are'} closed"
        return [f"{whose}, but there is no data: no calls in the last {QUIET_S} s."]
    failed = f"{share(failures, calls) if failures else 'none'} of {things(calls, 'call')} failed in the last minute"
    if len(loud) == len(rows):
        return [f"{_all(rows)} {'carries' if len(rows) == 1 else 'carry'} traffic: {failed}."]
    silent = f"{len(rows) - len(loud)} had no calls in the last {QUIET_S} s (no data)"
    return [
        f"{len(loud)} of {len(rows)} circuits {'carries' if len(loud) == 1 else 'carry'} traffic: {failed}; {silent}."
    ]


def _all(rows: Sequence[Row]) -> str:
    return {1: "The only circuit", 2: "Both circuits"}.get(len(rows), f"All {len(rows)} circuits")


def _platform(fleet: Fleet, now_ms: float) -> list[Sentence]:
    """What is wrong with Switchgear itself."""
    found: list[Sentence] = []
    if not fleet.alive:
        found.append(["No front-door worker is alive, so no traffic passes: act, restart the front door."])
    elif fleet.alive < fleet.expected:
        missing = fleet.expected - fleet.alive
        workers = f"{missing} of {things(fleet.expected, 'front-door worker')}"
        found.append(
            [f"{workers} {'is' if missing == 1 else 'are'} missing: act if the supervisor does not bring it back."]
        )
    if fleet.beat_ms is None:
        found.append(["Recovery by itself is off: no probe has ever run. Act: start beat."])
    elif now_ms - fleet.beat_ms > BEAT_LATE_MS:
        ago = Moment(fleet.beat_ms, span(now_ms - fleet.beat_ms))
        found.append(["Recovery by itself is off: no probe has run for ", ago, ". Act: restart beat."])
    return found


def _demand(row: Row, zone: tzinfo) -> Sentence | None:
    """What a person must do about this circuit, if anything."""
    circuit = row.reading.circuit
    if row.order:
        choice = "lift it or prolong it" if row.order.expires_at_ms else "lift it when it is no longer needed"
        return [f"You need to decide on {row.title}: {choice}."]
    if row.stopped and circuit.openings >= REOPENINGS and row.now_ms - circuit.outage_ms >= PERSISTS_MS:
        who = row.contact or row.owner or row.team
        call = f"call {who}" if who else "call its owner"
        return [f"{row.title} does not recover by itself. Act: {call}."]
    return None


def _wait(rows: Sequence[Row], now_ms: float) -> Sentence:
    """Why nobody has to act: when recovery is tried next."""
    testing = [row for row in rows if row.effective is State.HALF_OPEN]
    if testing:
        closes = f"{testing[0].title} closes" if len(rows) > 1 else "it closes"
        return [f"Nothing to do: {closes} by itself when the trial calls pass."]
    waiting = [(row.next_probe_ms, row) for row in rows if row.next_probe_ms is not None]
    if not waiting:
        return ["Nothing to do."]
    at, row = min(waiting, key=lambda entry: entry[0])
    what = "probe" if row.by_probe else "trial call"
    when = relative(at, now_ms) if at > now_ms else "is due now"
    which = f" ({row.title})" if len(rows) > 1 else ""
    return [f"Nothing to do: next {what} ", Moment(at, when), f"{which}."]
