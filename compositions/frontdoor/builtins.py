"""The front door's own addresses, all below `/-/`; they answer from memory and touch neither guard nor store."""

import gzip
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs

from breakers.delays import DelayDocs
from breakers.delays.conditional import matches
from breakers.delays.documents import EXPOSED
from controlplane.kernel.errors import MethodNotAllowed, NotFound, Unavailable

from .answers import Fields, Reply
from .headers import RawHeaders, first
from .matching import decode

DELAY = "/-/processing-delay"
BANNER = "/-/delay-banner.js"
HEALTH = "/-/healthz"
_COMMENT = re.compile(rb"/\*.*?\*/\s*", re.DOTALL)
METHODS = b"GET, HEAD, OPTIONS"
SCRIPT_MAX_AGE_S = 300
PREFLIGHT_MAX_AGE_S = 600
ALLOWED_FIELDS = b"Content-Type, Idempotency-Key, If-None-Match, X-API-Key, X-Request-ID"


class Builtins:
    def __init__(self, banner: Path, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)
        self._banner = _script(banner.read_bytes())

    def answer(
        self, method: str, path: str, query: bytes, headers: RawHeaders, delays: DelayDocs | None, version: int | None
    ) -> Reply:
        """The answer to a path below `/-/`; raises NotFound, MethodNotAllowed or (nothing loaded yet) Unavailable."""
        journey: str | None = None
        if path != DELAY and path.startswith(DELAY + "/"):
            journey = decode(path[len(DELAY) + 1 :])
        elif path not in (DELAY, BANNER, HEALTH):
            raise NotFound(f"The front door has no {path}.")
        if method == "OPTIONS":
            return self.preflight(headers)
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{method} is not possible here.")
        if path == HEALTH:
            body = json.dumps({"status": "ok", "config_version": version}).encode()
            return Reply(200, [(b"content-type", b"application/json"), (b"cache-control", b"no-store")], body)
        if path == BANNER:
            return self._banner_reply(headers)
        return self._delay(journey, query, headers, delays)

    def preflight(self, headers: RawHeaders) -> Reply:
        """What browsers ask before a request from another origin, and plain OPTIONS."""
        fields = [
            (b"allow", METHODS),
            (b"access-control-allow-methods", b"GET, OPTIONS"),
            (b"access-control-allow-headers", ALLOWED_FIELDS),
            (b"access-control-expose-headers", EXPOSED.encode()),
            (b"access-control-max-age", b"%d" % PREFLIGHT_MAX_AGE_S),
        ]
        return Reply(204, fields + self.allow_origin(headers))

    def allow_origin(self, headers: RawHeaders) -> Fields:
        """Fields that let the asking page read an answer, when CORS_ALLOWED_ORIGINS has its origin."""
        if "*" in self._origins:
            return [(b"access-control-allow-origin", b"*")]
        origin = first(headers, b"origin")
        if origin is not None and origin in self._origins:
            return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        return [(b"vary", b"Origin")]

    def _delay(self, journey: str | None, query: bytes, headers: RawHeaders, delays: DelayDocs | None) -> Reply:
        if delays is None:
            raise not_loaded()
        tags = origin = None
        for name, value in headers:
            if name == b"if-none-match":
                tags = value if tags is None else tags + b", " + value
            elif name == b"origin":
                origin = value.decode("latin-1")
        language = parse_qs(query.decode("latin-1")).get("lang", [None])[0] if query else None
        document, unchanged = delays.find(journey=journey, if_none_match=tags, language=language)
        cors = delays.cors(origin)
        if unchanged:
            return Reply(304, document.fields_unchanged + cors if cors else document.fields_unchanged)
        return Reply(200, document.fields + cors if cors else document.fields, document.body)

    def _banner_reply(self, headers: RawHeaders) -> Reply:
        encodings = first(headers, b"accept-encoding") or ""
        script = self._banner["gzip" if _accepts_gzip(encodings) else "identity"]
        tags = first(headers, b"if-none-match")
        if tags is not None and matches(tags.encode("latin-1"), dict(script.headers)[b"etag"]):
            unchanged = [field for field in script.headers if field[0] not in (b"content-type", b"content-encoding")]
            return Reply(304, unchanged)
        return script


def not_loaded() -> Unavailable:
    return Unavailable("The configuration is not loaded yet.", reason="starting", retry_after_s=1)


def _script(source: bytes) -> Mapping[str, Reply]:
    """The banner's script without its comments, plain and compressed; any page may load it, so every origin may."""
    source = _COMMENT.sub(b"", source)
    tag = hashlib.sha256(source).hexdigest()[:20]
    common = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"cache-control", b"public, max-age=%d" % SCRIPT_MAX_AGE_S),
        (b"vary", b"Accept-Encoding"),
        (b"access-control-allow-origin", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"x-content-type-options", b"nosniff"),
    ]
    plain = Reply(200, [*common, (b"etag", f'"{tag}"'.encode())], source)
    packed = gzip.compress(source, 9, mtime=0)
    compressed = Reply(200, [*common, (b"etag", f'"{tag}-gz"'.encode()), (b"content-encoding", b"gzip")], packed)
    return {"identity": plain, "gzip": compressed}


def _accepts_gzip(accept_encoding: str) -> bool:
    for option in accept_encoding.split(","):
        coding, _, weight = option.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
