"""What the rules would do with a request that somebody describes: nothing is counted, and nothing is shared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from breakers.core.statements import Traits, compile_statement

from .addresses import Trusted, resolve
from .rulebook import Rule
from .screening import Screen, Verdict

LOCAL = "127.0.0.1"


class Described(msgspec.Struct, frozen=True):
    """A request in a tester's words. `seen` requests like it have come from the same client in each window before."""

    method: str = "GET"
    path: str = "/"
    headers: Sequence[tuple[str, str]] = ()
    ip: str = LOCAL
    stage: str = "main"
    route: str = ""
    key: str = ""
    consumer: str = ""
    body_bytes: int = 0
    seen: int = 0


class Tried(msgspec.Struct, frozen=True):
    """`matches` is about the one rule, `verdict` about all that are enabled, in their order."""

    matches: bool
    acts: bool
    verdict: Verdict
    client: str


class Trial(Screen):
    """A screen whose windows hold what the tester says."""

    def __init__(self, documents: Iterable[Mapping[str, Any]]) -> None:
        super().__init__(now_ms=lambda: 0.0)
        self.seen = 0
        self.configure(documents)

    def _hit(self, rule: Rule, key: str, now_ms: float) -> int:
        return self.seen + 1


def try_out(
    rule: Mapping[str, Any], described: Described, documents: Iterable[Mapping[str, Any]], trusted: Sequence[str] = ()
) -> Tried:
    """Whether `rule` matches the request, and what all of `documents` would do; `trusted` proxies are the stage's."""
    traits = traits_of(described, trusted)
    matches = rule.get("stage") in (None, described.stage) and compile_statement(rule["statement"])(traits)
    rate = rule.get("rate")
    acts = matches and (rate is None or described.seen + 1 > rate["limit"])
    trial = Trial(documents)
    trial.seen = described.seen
    return Tried(matches, acts, trial.check(traits), traits.client)


def traits_of(described: Described, trusted: Sequence[str]) -> Traits:
    raw_path, _, query = described.path.partition("?")
    headers = [(name.lower().encode("latin-1", "replace"), value.encode()) for name, value in described.headers]
    forwarded = [value.decode() for name, value in headers if name == b"x-forwarded-for"]
    return Traits(
        method=described.method,
        path=unquote(raw_path),
        raw_path=raw_path,
        query=query,
        headers=headers,
        peer=described.ip,
        client=resolve(described.ip, forwarded, Trusted(trusted)),
        stage=described.stage,
        route=described.route,
        key=described.key,
        consumer=described.consumer,
        body_bytes=described.body_bytes,
        header_bytes=sum(len(name) + len(value) for name, value in headers),
    )
