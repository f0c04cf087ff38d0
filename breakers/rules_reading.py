"""What pages and REST read about request rules: what they did, to whom, and what a counting one would have done."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.conf import settings

from breakers.admission.trials import Described, Tried, try_out
from breakers.core.statements import sentence
from breakers.documents.defaults import Document
from breakers.documents.rules import document
from breakers.models import RequestRule, Stage
from breakers.operations import rules
from breakers.store.rules import RuleReading, read_rules, read_samples
from controlplane.kernel import clock
from controlplane.kernel.valkey import Away, shared

TOP = 20
ACTED = ("counted", "allowed", "challenged", "with_pass", "blocked")
WORDS = {
    "counted": "counted",
    "allowed": "let through",
    "challenged": "challenged",
    "passed": "challenges met",
    "with_pass": "let through with a pass",
    "blocked": "blocked",
}


class RuleRow(msgspec.Struct):
    """One rule on a page. `ok` is False when the store did not answer: then no count is known."""

    rule: RequestRule
    document: Document
    sentence: str
    ok: bool
    last_5_min: dict[str, int]
    last_day: dict[str, int]
    top: list[tuple[str, int]] = []
    samples: list[Document] = []

    @property
    def matched_5_min(self) -> int:
        """Requests on which the rule acted, whatever it did."""
        return sum(self.last_5_min.get(outcome, 0) for outcome in ACTED)

    @property
    def matched_day(self) -> int:
        return sum(self.last_day.get(outcome, 0) for outcome in ACTED)

    @property
    def outcomes(self) -> list[tuple[str, int, int]]:
        """What was done, in words: (words, in the last five minutes, in the last day), what happened at all."""
        return [
            (words, self.last_5_min.get(outcome, 0), self.last_day[outcome])
            for outcome, words in WORDS.items()
            if self.last_day.get(outcome)
        ]

    @property
    def would_have(self) -> str:
        """In one sentence, what a counting rule would have held back; "" for one that acts."""
        if self.document["action"] != "count":
            return ""
        if not self.ok:
            return "What it would have blocked is not known now: Valkey does not answer."
        count = self.last_day.get("counted", 0)
        if not count:
            return "It would have blocked nothing in the last 24 hours."
        recent = self.last_5_min.get("counted", 0)
        who = f", most of them of {self.top[0][0]} ({self.top[0][1]:,})" if self.top else ""
        plural = "s" if count != 1 else ""
        return (
            f"It would have blocked {count:,} request{plural} in the last 24 hours, {recent:,} of them just now{who}."
        )


def rule_rows() -> list[RuleRow]:
    """Every rule in its order, with its counts."""
    found = list(rules.rows())
    ok, readings = _readings([rule.slug for rule in found])
    return [_row(rule, ok, readings.get(rule.slug)) for rule in found]


def rule_row(slug: str) -> RuleRow:
    """One rule with its counts, the keys that matched most in the last day, and samples, newest first."""
    rule = rules.find(slug)
    ok, readings = _readings([slug], top=TOP)
    row = _row(rule, ok, readings.get(slug))
    row.samples = samples(slug) or []
    return row


def samples(slug: str) -> list[Document] | None:
    """The newest requests on which the rule acted, newest first; None when the store does not answer."""
    try:
        return read_samples(shared(), settings.KEY_PREFIX, slug)
    except Away:
        return None


def try_rule(rule: Document, described: Sequence[Described]) -> list[Tried]:
    """What `rule` - saved or not - and the whole list with it in its place would do with each request."""
    others = [document(row) for row in rules.rows() if row.slug != rule["slug"]]
    trusted = {stage.slug: list(stage.trusted_proxies) for stage in Stage.objects.all()}
    return [try_out(rule, one, [*others, rule], trusted.get(one.stage, [])) for one in described]


def _row(rule: RequestRule, ok: bool, reading: RuleReading | None) -> RuleRow:
    reading = reading or RuleReading()
    words = sentence(rule.statement)
    return RuleRow(rule, document(rule), words, ok, reading.last_5_min, reading.last_day, reading.top)


def _readings(slugs: Sequence[str], **options: Any) -> tuple[bool, dict[str, RuleReading]]:
    try:
        return True, read_rules(shared(), settings.KEY_PREFIX, slugs, clock.now_ms(), **options)
    except Away:
        return False, {}
