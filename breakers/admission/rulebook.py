"""Request rules, compiled once per configuration version: what each asks, counts and does, in order of priority."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from breakers.core.statements import Index, Predicate, Traits, compile_statement

from .redaction import SENSITIVE_HEADERS

LONGEST_PART = 100
ABSENT = "(none)"
TOGETHER = "(all together)"


class CustomAnswer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    content_type: bytes


class RateTerms(msgspec.Struct, frozen=True):
    """More than `limit` requests with the same `keys` in the last `window_s` seconds are over the limit."""

    limit: int
    window_s: int
    keys: tuple[str, ...]


class Rule(msgspec.Struct, frozen=True):
    """`window` names what a rate rule counts and how: while it stays the same, so do the counts."""

    slug: str
    title: str
    action: str
    label: str
    matches: Predicate
    rate: RateTerms | None
    key_of: Callable[[Traits], str]
    answer: CustomAnswer | None
    window: str


class RuleBook:
    """The rules of one stage, those of every stage included."""

    __slots__ = ("index", "rules")

    def __init__(self, rules: Sequence[Rule], trees: Sequence[dict[str, Any]]) -> None:
        self.rules = tuple(rules)
        self.index = Index(trees)


def read_rule(document: Mapping[str, Any]) -> Rule:
    rate = document.get("rate")
    terms = None if rate is None else RateTerms(rate["limit"], rate["window_s"], tuple(rate["keys"]))
    answer = document.get("answer")
    counted = [document.get("stage"), document["statement"], terms and (terms.window_s, terms.keys)]
    digest = hashlib.blake2b(msgspec.json.encode(counted, order="deterministic"), digest_size=6).hexdigest()
    return Rule(
        slug=document["slug"],
        title=document.get("title") or document["slug"],
        action=document["action"],
        label=document.get("label", ""),
        matches=compile_statement(document["statement"]),
        rate=terms,
        key_of=key_reader(terms.keys if terms is not None else ("forwarded_ip",)),
        answer=None if answer is None else _answer(answer, rated=terms is not None),
        window=f"{document['slug']}:{digest}",
    )


def read_books(documents: Iterable[Mapping[str, Any]]) -> tuple[dict[str, RuleBook], RuleBook]:
    """A book for each stage that has rules of its own, and one for all other stages."""
    ordered = sorted(documents, key=lambda document: (document["priority"], document["slug"]))
    enabled = [document for document in ordered if document.get("enabled", True)]
    read = {document["slug"]: read_rule(document) for document in enabled}

    def book(stage: str | None) -> RuleBook:
        held = [document for document in enabled if document.get("stage") in (None, stage)]
        return RuleBook([read[document["slug"]] for document in held], [document["statement"] for document in held])

    stages = sorted({document["stage"] for document in enabled if document.get("stage") is not None})
    return {stage: book(stage) for stage in stages}, book(None)


def key_reader(keys: Sequence[str]) -> Callable[[Traits], str]:
    """What makes requests one client, as a text that people may read; secrets in it are digests. No keys: all are one.

    A request without one of the parts counts with all others without it: leaving a header out escapes no limit.
    """
    readers = [_part(key) for key in keys]
    if not readers:
        return lambda traits: TOGETHER
    if len(readers) == 1:
        return readers[0]
    return lambda traits: " ".join([read(traits) for read in readers])


def _part(key: str) -> Callable[[Traits], str]:
    match key:
        case "ip":
            return lambda traits: traits.peer
        case "forwarded_ip":
            return lambda traits: traits.client
        case "path":
            return lambda traits: _short(traits.path)
        case "key":
            return lambda traits: f"key:{traits.key or ABSENT}"
    name = key.removeprefix("header:").lower()
    raw = name.encode()
    hidden = name in SENSITIVE_HEADERS

    def header(traits: Traits) -> str:
        values = traits.header_values(raw)
        if not values:
            return f"{name}:{ABSENT}"
        value = ", ".join(values)
        return f"{name}:{_digest(value) if hidden else _short(value)}"

    return header


def _short(text: str) -> str:
    """The text itself, or when it is long its beginning with a digest of all of it."""
    return text if len(text) <= LONGEST_PART else f"{text[:40]}…{_digest(text)}"


def _digest(text: str) -> str:
    return "#" + hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _answer(answer: Mapping[str, Any], *, rated: bool) -> CustomAnswer:
    status = answer.get("status") or (429 if rated else 403)
    content_type = answer.get("content_type") or "text/plain; charset=utf-8"
    return CustomAnswer(status, (answer.get("body") or "").encode(), content_type.encode("latin-1", "replace"))
