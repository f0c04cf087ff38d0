"""Screens requests by the rules: in order of priority, until one allows, challenges or blocks.

    count        noted; the next rule is asked
    allow        no further rule is asked
    challenge    ends the request unless it carries a pass; with one, the next rule is asked
    block        ends the request

A rule with a rate counts every request that its statement matches - also those it refuses, as AWS WAF does - and acts
only above its limit. A rule's label is put on when the rule acts, so later rules may ask for it.

The decision never waits: counts of this process are in it at once, those of others about 0.1 s later.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from breakers.core.statements import Traits
from breakers.core.windows import SlidingWindow
from breakers.store.rules import RuleStore
from breakers.store.slots import STORE_ERRORS
from breakers.store.windows import Told, WindowStore

from .notebook import Notebook, Record
from .rulebook import CustomAnswer, RateTerms, Rule, RuleBook, read_books

SHARE_S = 0.1
NOTES_EVERY = 5  # rounds of SHARE_S
KEYS_A_ROUND = 1000

log = structlog.get_logger(__name__)

NO_LABELS: frozenset[str] = frozenset()


class Passes(Protocol):
    """Who has shown lately that it is worth an answer."""

    def holds(self, traits: Traits) -> bool: ...


class Verdict(msgspec.Struct, frozen=True):
    """`rule` is the slug of the rule that decided, `matched` all that acted on the way, in order."""

    action: str
    rule: str = ""
    title: str = ""
    labels: frozenset[str] = NO_LABELS
    matched: tuple[str, ...] = ()
    answer: CustomAnswer | None = None
    rate: RateTerms | None = None
    retry_after_s: float | None = None


PASS = Verdict("pass")


class Screen:
    """One per process. `now_ms` is the store's time as far as this process knows it."""

    def __init__(
        self,
        windows: WindowStore | None = None,
        rules: RuleStore | None = None,
        *,
        now_ms: Callable[[], float],
        passes: Passes | None = None,
        record: Record | None = None,
    ) -> None:
        self._store, self._now_ms, self._passes = windows, now_ms, passes
        self._rules = rules if rules is not None or windows is None else RuleStore(windows.valkey, windows.prefix)
        self._books: dict[str, RuleBook] = {}
        self._elsewhere = RuleBook((), ())
        self._slugs: frozenset[str] = frozenset()
        self._windows: dict[str, SlidingWindow] = {}
        self._notebook = Notebook(record)
        self.store_ok = True

    def configure(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """These are the rules from now on; a window whose rule still counts the same goes on."""
        self._books, self._elsewhere = read_books(documents)
        known, self._windows = self._windows, {}
        books = (*self._books.values(), self._elsewhere)
        self._slugs = frozenset(rule.slug for book in books for rule in book.rules)
        for book in books:
            for rule in book.rules:
                if rule.rate is not None and rule.window not in self._windows:
                    self._windows[rule.window] = known.get(rule.window) or SlidingWindow(rule.rate.window_s)

    def weighs(self, stage: str) -> frozenset[str]:
        """Which sizes the rules of the stage ask about: a chunked body's is known only when it was read."""
        return self._books.get(stage, self._elsewhere).index.weighs

    def check(self, traits: Traits) -> Verdict:
        book = self._books.get(traits.stage, self._elsewhere)
        positions = book.index.candidates(traits)
        return self._judged(book, positions, traits) if positions else PASS

    def solved(self, rule: str) -> None:
        """Somebody has met the challenge of this rule."""
        if rule in self._slugs:
            self._notebook.count(rule, "passed", self._now_ms())

    # Deciding ---------------------------------------------------------------------------------------------------------

    def _judged(self, book: RuleBook, positions: Sequence[int], traits: Traits) -> Verdict:
        waiting = list(positions)
        matched: list[str] = []
        now_ms = 0.0
        at = 0
        while at < len(waiting):
            position = waiting[at]
            at += 1
            rule = book.rules[position]
            if not rule.matches(traits):
                continue
            now_ms = now_ms or self._now_ms()
            key = rule.key_of(traits)
            count = None
            if rule.rate is not None:
                count = self._hit(rule, key, now_ms)
                if count <= rule.rate.limit:
                    continue
            matched.append(rule.slug)
            outcome = self._outcome(rule, traits)
            self._notebook.note(rule.slug, outcome, traits, key, now_ms, count)
            if rule.label and rule.label not in traits.labels:
                traits.labels |= {rule.label}
                waiting[at:] = sorted({*waiting[at:], *book.index.labelled(rule.label, position)})
            if outcome in ("allowed", "challenged", "blocked"):
                return self._verdict(rule, traits, matched, key, now_ms)
        return Verdict("pass", labels=traits.labels, matched=tuple(matched)) if matched else PASS

    def _hit(self, rule: Rule, key: str, now_ms: float) -> int:
        """Count the request; how many the window holds with it."""
        return self._windows[rule.window].hit(key, now_ms / 1000)

    def _outcome(self, rule: Rule, traits: Traits) -> str:
        match rule.action:
            case "allow":
                return "allowed"
            case "block":
                return "blocked"
            case "challenge":
                return "with_pass" if self._passes is not None and self._passes.holds(traits) else "challenged"
        return "counted"

    def _verdict(self, rule: Rule, traits: Traits, matched: list[str], key: str, now_ms: float) -> Verdict:
        retry_after_s = None
        if rule.rate is not None and rule.action == "block":
            retry_after_s = self._windows[rule.window].frees_in(key, now_ms / 1000, rule.rate.limit)
        return Verdict(
            rule.action,
            rule.slug,
            rule.title,
            traits.labels,
            tuple(matched),
            rule.answer if rule.action == "block" else None,
            rule.rate,
            retry_after_s,
        )

    # Sharing ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        if self._store is None:
            return
        rounds = 0
        while True:
            await asyncio.sleep(SHARE_S)
            rounds += 1
            await self.share()
            if rounds % NOTES_EVERY == 0:
                await self.tell()

    async def close(self) -> None:
        """Tell what is pending; what can't be told now is lost to the others."""
        await self.share()
        await self.tell()

    async def share(self) -> None:
        """Own counts out, the fleet's in, for every key in use."""
        if self._store is None:
            return
        now = self._now_ms() / 1000
        told: list[Told] = []
        for name, window in self._windows.items():
            told += [Told(name, window.window_s, share) for share in window.take(now, KEYS_A_ROUND)]
        if not told:
            return
        windows = self._windows
        try:
            heard = await self._store.share(told, now)
        except STORE_ERRORS as error:
            self._away(str(error))
            heard = [None] * len(told)
        except asyncio.CancelledError:
            self._take_back(windows, told)
            raise
        else:
            self._back()
        for one, answer in zip(told, heard, strict=True):
            window = windows[one.window]
            if answer is None:
                window.put_back(one.share)
            else:
                window.settle(one.share, answer.total, answer.since, answer.counts, answer.now)

    @staticmethod
    def _take_back(windows: Mapping[str, SlidingWindow], told: Sequence[Told]) -> None:
        for one in told:
            windows[one.window].put_back(one.share)

    async def tell(self) -> None:
        """Deliver what the rules did."""
        taken = self._notebook.take()
        if not taken or self._rules is None:
            return
        try:
            await self._rules.note(taken)
        except STORE_ERRORS as error:
            self._away(str(error))
            self._notebook.put_back(taken)

    def _away(self, error: str) -> None:
        if self.store_ok:
            self.store_ok = False
            log.warning("windows_not_shared", error=error)

    def _back(self) -> None:
        if not self.store_ok:
            self.store_ok = True
            log.info("windows_shared_again")
