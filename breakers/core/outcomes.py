"""What a call came to: classification of answers and errors as data, one table per target.

A match is one or more of these, joined by `|`: a status (`404`), a class (`5xx`), a range (`500-599`), or the name
of an error (see ERRORS). The first matching rule wins; what no rule matches follows DEFAULTS.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    IGNORE = "ignore"
    THROTTLE = "throttle"


# Every way in which a call can end without an answer that may be passed on.
ERRORS = {
    "timeout": "no complete answer within timeout_ms",
    "connect_error": "no connection: refused, unreachable or name not found",
    "connection_lost": "the connection was reset or closed before the answer was complete",
    "tls_error": "the certificate or the TLS handshake was not acceptable",
    "proxy_error": "the proxy was not reached or gave no way to the target",
    "malformed": "the answer was not HTTP",
    "oversized": "the answer was larger than the body limit",
}

# A caller's mistake (4xx) says nothing about the health of a downstream; 429 is the provider's word about our rate.
DEFAULTS = (("5xx", Outcome.FAILURE), ("429", Outcome.THROTTLE), ("|".join(ERRORS), Outcome.FAILURE))


class ClassificationRule(msgspec.Struct, frozen=True):
    match: str
    outcome: Outcome


class Classifier(msgspec.Struct, frozen=True):
    """Look-up tables made once per configuration version: by status 0-599, and by error name."""

    statuses: tuple[Outcome, ...]
    errors: dict[str, Outcome]

    def status(self, status: int) -> Outcome:
        return self.statuses[status] if 0 <= status < 600 else Outcome.FAILURE

    def error(self, name: str) -> Outcome:
        return self.errors[name]


def parse_match(match: str) -> tuple[set[int], set[str]]:
    """Return the statuses and error names that `match` covers; ValueError names the word that is not understood."""
    statuses: set[int] = set()
    errors: set[str] = set()
    for word in match.split("|"):
        word = word.strip()
        if word in ERRORS:
            errors.add(word)
        else:
            statuses.update(parse_statuses(word))
    return statuses, errors


def parse_statuses(text: str) -> Iterator[int]:
    """Statuses of `200`, `2xx`, `200-299`, or several joined by `,`; ValueError names what is not understood."""
    for part in text.split(","):
        part = part.strip()
        low, dash, high = part.partition("-")
        if len(part) == 3 and part[0] in "12345" and part[1:].lower() == "xx":
            yield from range(int(part[0]) * 100, int(part[0]) * 100 + 100)
        elif low.isdecimal() and (not dash or high.isdecimal()):
            first, last = int(low), int(high or low)
            if not 100 <= first <= last <= 599:
                raise ValueError(f"{part!r} is not a range of HTTP statuses between 100 and 599")
            yield from range(first, last + 1)
        else:
            names = ", ".join(ERRORS)
            raise ValueError(f"{part!r} is neither a status (404), a class (5xx), a range (500-599) nor one of {names}")


def compile_classifier(rules: Iterable[ClassificationRule]) -> Classifier:
    statuses = [Outcome.SUCCESS] * 600
    errors: dict[str, Outcome] = {}
    ordered = [(rule.match, rule.outcome) for rule in rules] + list(DEFAULTS)
    for match, outcome in reversed(ordered):  # the first rule is laid last, so that it wins
        codes, names = parse_match(match)
        for code in codes:
            statuses[code] = outcome
        for name in names:
            errors[name] = outcome
    return Classifier(statuses=tuple(statuses), errors=errors)
