"""Request rules as pages show them: a row of the list, and what one did over time and to whom."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Sum

from breakers import rules_reading
from breakers.admission.rulebook import TOGETHER, read_rule
from breakers.core import sentences
from breakers.documents.defaults import Document
from breakers.models import RuleCount
from breakers.models.usage import Span
from breakers.rules_reading import ACTED, WORDS, RuleRow
from breakers.store.rules import TOP_KEPT, LastHour, read_last_hour, read_minutes
from breakers.store.windows import read_windows
from controlplane.config.commit import current_revisions
from controlplane.kernel import clock
from controlplane.kernel.valkey import Away, shared

from . import charts
from .wording import NBSP, count, things

TOP, SAMPLES = 10, 40
REFUSED = ("blocked", "challenged")
LET_THROUGH = ("counted", "allowed", "with_pass")
# Action -> tone and words of its badge.
BADGES = {
    "count": ("", "◌ counts only"),
    "allow": ("good", "✓ lets through"),
    "challenge": ("warn", "? challenges"),
    "block": ("bad", "✕ blocks"),
}
NOTHING = "nothing of the last hour would have been refused"
# What a chart can cover -> its words, the span of a bar, and how many there are.
SPANS = {
    "hour": ("last hour", Span.MINUTE, 60),
    "day": ("last 24 hours", Span.HOUR, 24),
    "month": ("last 30 days", Span.DAY, 30),
}
UNITS = {Span.MINUTE: "requests a minute", Span.HOUR: "requests an hour", Span.DAY: "requests a day"}
LABELS = {Span.MINUTE: "%H:%M", Span.HOUR: "%H:00", Span.DAY: "%-d %b"}
LENGTHS = {Span.MINUTE: timedelta(minutes=1), Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(days=1)}


class Listed(NamedTuple):
    """A row of the list. `revision` is what somebody who changes it has seen."""

    row: RuleRow
    which: str
    rate: str
    tone: str
    badge: str
    revision: int
    first: bool
    last: bool

    @property
    def slug(self) -> str:
        return str(self.row.rule.slug)

    @property
    def document(self) -> Document:
        return self.row.document


class TopKey(NamedTuple):
    """A client that matched much: in the last day, in the last hour, and in its window just now (None: no rate)."""

    key: str
    day: int
    hour: int
    window: int | None
    over: bool


class Would(NamedTuple):
    """What a rule would have refused lately of what it let through, beside what it `held` back.

    Clients are those of all of these; `clients` is a lower bound when `more`.
    """

    requests: int
    held: int
    clients: int
    more: bool
    together: bool
    since: datetime
    top: Sequence[tuple[str, int]]

    @property
    def sentence(self) -> str:
        held = f"it held back {things(self.held, 'request')} already"
        if not self.requests:
            rest = f"nothing more of the last hour would have been refused; {held}"
            return f"If this rule blocked now: {rest if self.held else NOTHING}."
        least = "at least " if self.more else ""
        whose = "" if self.together or self.held else f" of {least}{things(self.clients, 'client')}"
        what = f"{things(self.requests, 'request')}{whose} in the last hour would have been refused"
        return f"If this rule blocked now: {what}{f'; {held}' if self.held else ''}."


def listed(q: str = "", stage: str = "", action: str = "") -> list[Listed]:
    """Rules in their order, those that are wanted. `stage` "*" wants those of every stage, `action` "off" disabled."""
    found = rules_reading.rule_rows()
    revisions = current_revisions("rule")
    rows = []
    for number, row in enumerate(found):
        if _wanted(row, q.strip().lower(), stage, action):
            tone, badge = BADGES[row.document["action"]]
            if not row.document["enabled"]:
                tone, badge = "order", "○ switched off"
            rows.append(
                Listed(
                    row,
                    capitalised(row.sentence),
                    pace(row.document),
                    tone,
                    badge,
                    revisions.get(row.rule.slug, 0),
                    number == 0,
                    number == len(found) - 1,
                )
            )
    return rows


def _wanted(row: RuleRow, q: str, stage: str, action: str) -> bool:
    document = row.document
    if stage and document["stage"] != (None if stage == "*" else stage):
        return False
    if action == "off":
        if document["enabled"]:
            return False
    elif action and (document["action"] != action or not document["enabled"]):
        return False
    text = " ".join((document["slug"], document["title"], document["label"], row.sentence))
    return q in text.lower()


def pace(document: Mapping[str, Any]) -> str:
    """`beyond 100 requests in 5 min of one forwarded IP address`; empty for a rule without a rate."""
    rate = document["rate"]
    if rate is None:
        return ""
    span = f"{rate['window_s']}{NBSP}s" if rate["window_s"] < 120 else f"{rate['window_s'] // 60}{NBSP}min"
    by = [sentences.KEYS.get(key) or f"header {key.partition(':')[2]}" for key in rate["keys"]]
    return f"beyond {rate['limit']:,} in {span} {'of one ' + ' and '.join(by) if by else 'in all'}"


def capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


# One rule -------------------------------------------------------------------------------------------------------------


def live(slug: str, span: str) -> dict[str, Any]:
    """The part of a rule's page that is read again and again."""
    row = rules_reading.rule_row(slug)
    outcomes = row.outcomes if len(row.outcomes) > 1 else []  # a single one is what matched
    recent = last_hour(slug)
    return {
        "row": row,
        "rule": row.rule,
        "span": span if span in SPANS else "hour",
        "spans": [(name, words) for name, (words, _, _) in SPANS.items()],
        "figures": [
            ("Matched, last 5 min", count(row.matched_5_min) if row.ok else "not known"),
            ("Matched, last 24 h", count(row.matched_day) if row.ok else "not known"),
            *((f"{capitalised(words)}, last 24 h", count(day)) for words, _, day in outcomes),
        ],
        "counting": row.document["action"] == "count",
        "would": would(row.document, recent),
        "chart": over_time(slug, span),
        "top": top_keys(row, recent),
        "rated": row.document["rate"],
        "samples": [
            {**sample, "done": WORDS.get(sample["outcome"], sample["outcome"])} for sample in row.samples[:SAMPLES]
        ],
    }


def last_hour(slug: str) -> LastHour | None:
    """None while Valkey is away."""
    try:
        return read_last_hour(shared(), settings.KEY_PREFIX, slug, clock.now_ms(), top=TOP)
    except Away:
        return None


def would(document: Mapping[str, Any], recent: LastHour | None) -> Would | None:
    """What it would have refused had it blocked: everything that it met and let through. None while Valkey is away."""
    if recent is None:
        return None
    since = datetime.fromtimestamp(recent.since_ms / 1000, UTC)
    together = document["rate"] is not None and not document["rate"]["keys"]
    requests, held = (sum(recent.counts.get(done, 0) for done in outcomes) for outcomes in (LET_THROUGH, REFUSED))
    return Would(requests, held, recent.keys, recent.keys >= TOP_KEPT, together, since, recent.top)


def top_keys(row: RuleRow, recent: LastHour | None) -> list[TopKey]:
    """Who matched most, with how much of the window they use now."""
    top, rate = row.top[:TOP], row.document["rate"]
    held: dict[str, int] = {}
    if rate is not None and top:
        now_s = clock.now_ms() / 1000
        name, keys = read_rule(row.document).window, [key for key, _ in top]
        try:
            held = read_windows(shared(), settings.KEY_PREFIX, name, rate["window_s"], keys, now_s)
        except Away:
            rate = None
    hour = dict(recent.top) if recent is not None else {}
    return [
        TopKey(
            "all together" if key == TOGETHER else key,
            day,
            hour.get(key, 0),
            None if rate is None else held.get(key, 0),
            rate is not None and held.get(key, 0) > rate["limit"],
        )
        for key, day in top
    ]


def over_time(slug: str, span: str) -> charts.Chart:
    words, length, bars = SPANS.get(span, SPANS["hour"])
    counts = _counts(slug, length, bars)
    columns = [
        charts.Column(
            f"{at:{LABELS[length]}}",
            sum(done.get(outcome, 0) for outcome in ACTED if outcome not in REFUSED),
            sum(done.get(outcome, 0) for outcome in REFUSED),
        )
        for at, done in counts.items()
    ]
    return charts.use("over-time", f"What it did, {words}", columns, unit=UNITS[length], each=f"{length.label}s")


def _counts(slug: str, span: Span, bars: int) -> dict[datetime, dict[str, int]]:
    """Outcomes of each span, oldest first, the present one included."""
    at = clock.now().astimezone(UTC).replace(second=0, microsecond=0)
    at = at if span == Span.MINUTE else at.replace(minute=0)
    at = at if span != Span.DAY else at.replace(hour=0)
    counts: dict[datetime, dict[str, int]] = {at - LENGTHS[span] * back: {} for back in range(bars - 1, -1, -1)}
    rows = RuleCount.objects.filter(span=span, rule=slug, at__gte=min(counts)).order_by()
    for row in rows.values("at", "outcome").annotate(total=Sum("count")):
        if row["at"] in counts:
            counts[row["at"]][row["outcome"]] = int(row["total"])
    if span == Span.MINUTE:
        _newest(slug, counts)
    return counts


def _newest(slug: str, counts: dict[datetime, dict[str, int]]) -> None:
    """Minutes that are not written down yet, from Valkey."""
    hour = int(clock.now_ms() // 3_600_000)
    try:
        found = read_minutes(shared(), settings.KEY_PREFIX, [slug], [hour - 1, hour])[slug]
    except Away:
        return
    for (minute, outcome), number in found.items():
        at = datetime.fromtimestamp(minute * 60, UTC)
        if at in counts:
            counts[at][outcome] = max(number, counts[at].get(outcome, 0))
