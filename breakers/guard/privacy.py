"""What may be kept or shared: the rule that caches hold nothing private, in one place for all of them.

A request that carries Authorization or Cookie is private unless `vary_headers` names them; then each value has its own
answer. So is one whose caller was proved by another header (`Request.private`). An answer is private if it says so
(Cache-Control, Set-Cookie) or depends on what the key does not hold (Vary).
"""

from functools import lru_cache

import msgspec

from .messages import Headers, Request

CREDENTIALS = frozenset(("authorization", "cookie"))
# RFC 9110 section 7.6.1, and Age, which is told anew at each use.
_OF_ONE_CONNECTION = {"age", "connection", "keep-alive", "proxy-authenticate", "proxy-authentication-info"}
_OF_ONE_CONNECTION |= {"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_TELLING = frozenset(("cache-control", "set-cookie", "vary", "connection", "content-length"))


class KeyRule(msgspec.Struct, frozen=True):
    """What of a request is part of the key: `names` in order, and `watched`, which decides anything at all."""

    prefix: str
    names: tuple[str, ...]
    watched: frozenset[str]
    covered: frozenset[str]


@lru_cache(maxsize=4096)
def key_rule(slug: str, vary_headers: tuple[str, ...]) -> KeyRule:
    # Encodings differ too often to leave it to the answer's Vary alone, so Accept-Encoding is always part of the key.
    names = tuple(sorted({name.strip().lower() for name in vary_headers} | {"accept-encoding"}))
    return KeyRule(f"{slug}\n{','.join(names)}", names, frozenset(names) | CREDENTIALS, frozenset(names))


def cache_key(rule: KeyRule, request: Request) -> str | None:
    """The same text for requests that may share an answer; None if the answer belongs to this caller alone."""
    if request.method != "GET" or request.body:
        return None
    if request.private and not rule.covered.issuperset(request.private):
        return None
    values: dict[str, str] = {}
    for name, value in request.headers:
        name = name.lower()
        if name in rule.watched:
            if name not in rule.covered:
                return None
            # Unlike any joined text, so that none, one empty and two empty values differ.
            values[name] = f"{values[name]}\0={value}" if name in values else f"={value}"
    parts = (rule.prefix, request.path, request.query, *[values.get(name, "") for name in rule.names])
    key = "\n".join(parts)
    # A line break inside a part could make two different requests look alike.
    return key if key.count("\n") == len(parts) else None


def keepable(rule: KeyRule, headers: Headers, length: int) -> Headers | None:
    """The headers to keep with a body of `length` bytes; None if the answer is private or depends on too much."""
    kept: Headers = []
    dropped: set[str] = set()
    for pair in headers:
        name, value = pair
        if name in _TELLING:
            if name == "set-cookie":
                return None
            if name == "cache-control":
                if _forbids(value):
                    return None
            elif name == "vary":
                if not rule.covered.issuperset(_listed(value)):
                    return None
            elif name == "connection":
                dropped.update(_listed(value))
            elif value != str(length):
                continue
        if name not in _OF_ONE_CONNECTION:
            kept.append(pair)
    return [pair for pair in kept if pair[0] not in dropped] if dropped else kept


# One downstream says the same few things in each of its answers.
@lru_cache(maxsize=1024)
def _forbids(cache_control: str) -> bool:
    return any(word.partition("=")[0].strip() in ("no-store", "private") for word in _listed(cache_control))


@lru_cache(maxsize=1024)
def _listed(value: str) -> tuple[str, ...]:
    return tuple(word for part in value.lower().split(",") if (word := part.strip()))
