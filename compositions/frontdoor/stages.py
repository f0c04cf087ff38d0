"""Which stage a request enters: by its host, then by the longest base path. Each stage has routes of its own.

A host that a stage names comes before a pattern (`*.example.com`, the longest first), that before stages of any host;
among those of one host the longest base path that fits wins. A stage whose base path does not fit is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .cors import Origins
from .matching import Matcher, canonical

if TYPE_CHECKING:
    from .routes import Route

MAIN = "main"
REMEMBERED = 1024


class Entrance:
    """One stage as requests meet it. `base` is canonical and has no slash at its end; the root's is empty."""

    __slots__ = ("_depth", "base", "hosts", "matcher", "max_body", "max_header", "origins", "slug")

    def __init__(self, slug: str, body: Mapping[str, Any], matcher: Matcher[Route]) -> None:
        self.slug, self.matcher = slug, matcher
        self.hosts = tuple(host.lower() for host in body.get("hosts") or ())
        self.base = canonical((body.get("base_path") or "/").rstrip("/") or "/").rstrip("/")
        self._depth = self.base.count("/")
        self.origins = Origins.of(body.get("allowed_origins") or ())
        self.max_body: int | None = body.get("max_body_bytes")
        self.max_header: int | None = body.get("max_header_bytes")

    def takes(self, path: str) -> bool:
        return not self.base or path == self.base or path.startswith(self.base + "/")

    def below(self, path: str) -> str:
        """A canonical path without the base path."""
        return path[len(self.base) :] or "/"

    def below_raw(self, path: str) -> str:
        """The same for a raw path, whose base may be escaped otherwise but has as many segments."""
        rest = path.split("/", self._depth + 1)[self._depth + 1 :]
        return f"/{rest[0]}" if rest else "/"


class Entrances:
    """Frozen; made anew with each version in which a stage or a route differs."""

    __slots__ = ("_always", "_any", "_exact", "_known", "_patterns", "by_slug")

    def __init__(self, entrances: Iterable[Entrance]) -> None:
        ordered = sorted(entrances, key=lambda entrance: (-len(entrance.base), entrance.slug))
        self.by_slug = {entrance.slug: entrance for entrance in ordered}
        self._exact: dict[str, list[Entrance]] = {}
        patterns: dict[str, list[Entrance]] = {}
        for entrance in ordered:
            for host in entrance.hosts:
                place = patterns if host.startswith("*.") else self._exact
                place.setdefault(host.removeprefix("*"), []).append(entrance)
        self._patterns = sorted(patterns.items(), key=lambda item: -len(item[0]))
        self._any = [entrance for entrance in ordered if not entrance.hosts]
        # The usual case, one stage for everything, costs one look.
        only = ordered[0] if len(ordered) == 1 else None
        self._always = only if only is not None and not only.hosts and not only.base else None
        self._known: dict[str, list[Entrance]] = {}

    def find(self, host: str, path: str) -> Entrance | None:
        """The stage for a Host field and a canonical path; None when none has them."""
        if self._always is not None:
            return self._always
        candidates = self._known.get(host)
        if candidates is None:
            if len(self._known) >= REMEMBERED:  # clients send what hosts they like
                self._known.clear()
            candidates = self._known[host] = self._of_host(host)
        for entrance in candidates:
            if entrance.takes(path):
                return entrance
        return None

    def _of_host(self, host: str) -> list[Entrance]:
        whole = host.lower().rstrip(".")
        name = without_port(whole)
        found = [*self._exact.get(whole, ()), *(self._exact.get(name, ()) if name != whole else ())]
        for ending, entrances in self._patterns:
            if name.endswith(ending) and name != ending[1:]:
                found += entrances
        return found + self._any


def without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    if colon and (not port or port.isdecimal()) and (":" not in name or name.endswith("]")):
        host = name
    return host.rstrip(".")
