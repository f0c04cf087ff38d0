"""The processing-delay document: whether what a customer is doing takes longer, as bytes that are ready to be sent.

Documents are made when a circuit, an override or the configuration changes, at instants known beforehand (an expiry,
the end of a wait), and each second for `as_of`. A request only chooses bytes and compares ETags, so the flag goes on
answering while database and Valkey are away; it then says `"stale": true`.

    {"delayed", "since", "journeys": [{"journey", "title", "delayed", "since", "severity", "message", "estimated_s",
     "retry": false}], "poll_after_s", "as_of", "stale"}

The document of one journey has the same shape, and repeats the journey's own fields on top. The ETag leaves out
`as_of`, and takes the instant that `estimated_s` counts down to instead of the seconds, so an unchanged flag is a 304.
It is a weak one: equal tags mean the same news, not the same bytes.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from django.conf import settings

from controlplane.kernel import seams
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import NotFound, Unavailable

from .conditional import matches, weak
from .messages import DEFAULT_LANGUAGE, SHIPPED, message
from .verdicts import CIRCUIT, Journey, Verdict, Waiting, Word, judge

log = structlog.get_logger("switchgear.delays")

POLL_DELAYED_S = 5
POLL_CALM_S = 15
MAX_AGE_S = 2
STALE_AFTER_MS = 3000
REFRESH_S = 1.0
EXPOSED = "ETag, Location, Retry-After, Age, X-Cache"
T = TypeVar("T")


class Plane(Protocol):
    """What the documents need of the process that hosts them: breakers.dataplane.DataPlane, or less."""

    @property
    def store_ok(self) -> bool: ...
    @property
    def config(self) -> Any: ...
    @property
    def circuits(self) -> Mapping[str, Any]: ...
    @property
    def backlogs(self) -> Mapping[str, Sequence[Waiting]]: ...
    def now_ms(self) -> float: ...
    def on_change(self, callback: Callable[[], None]) -> Any: ...


class Document(msgspec.Struct, frozen=True):
    """One document in one language, ready to be sent; field names and values as bytes, as a raw server wants them."""

    etag: bytes
    body: bytes
    fields: list[tuple[bytes, bytes]]
    fields_unchanged: list[tuple[bytes, bytes]]


class DelayDocs:
    """All documents of one process. `recompute` runs on the loop; `respond` may be called from any thread."""

    def __init__(
        self,
        plane: Plane,
        *,
        min_on_s: float | None = None,
        origins: Sequence[str] | None = None,
        sources: Sequence[Callable[[Any], Iterable[tuple[str, Mapping[str, Any]]]]] | None = None,
    ) -> None:
        """`sources` add journeys: each takes the configuration snapshot and yields slugs with bodies."""
        self._plane = plane
        self._min_on_ms = 1000 * (settings.DELAY_MIN_ON_S if min_on_s is None else min_on_s)
        self._origins = frozenset(settings.CORS_ALLOWED_ORIGINS if origins is None else origins)
        self._sources = list(seams.sources("DELAY_SOURCES") if sources is None else sources)
        self._snapshot: Any = None
        self._journeys: dict[str, Journey] = {}
        self._words: dict[str, Word] = {}
        # Journeys that their circuits have raised: since when, and until when the flag stays up at least.
        self._raised: dict[str, tuple[int, float]] = {}
        self._away_since_ms: float | None = None
        self.verdicts: Mapping[str, Verdict] = {}
        self._documents: dict[tuple[str | None, str], Document] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._languages: frozenset[str] = frozenset()
        self._timer: asyncio.TimerHandle | None = None
        plane.on_change(self.refresh)

    def recompute(self) -> None:
        """Make every document anew, and see to it that this happens again when time alone changes one."""
        if self._plane.config.source == "none":
            self._arm(None)
            return
        if self._plane.config.snapshot is not self._snapshot:
            self._read(self._plane.config.snapshot)
        now_ms = self._plane.now_ms()
        self.verdicts = {slug: self._verdict(slug, now_ms) for slug in sorted(self._journeys)}
        self._documents = self._compose(self.verdicts, now_ms, self._stale(now_ms))
        due = (verdict.next_ms - now_ms for verdict in self.verdicts.values() if verdict.next_ms)
        self._arm(min(due, default=None))
        for listener in tuple(self._listeners):
            listener()

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """`callback` runs on the loop whenever the documents were made anew, until what is returned is called."""
        self._listeners.add(callback)
        return lambda: self._listeners.discard(callback)

    def targets_of(self, journey: str) -> tuple[str, ...]:
        found = self._journeys.get(journey)
        return found.targets if found is not None else ()

    def refresh(self) -> None:
        """`recompute` that never raises: whatever a configuration holds, the clock goes on and the next one is read."""
        try:
            self.recompute()
        except Exception:
            log.exception("delay_documents_failed")
            self._arm(None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def find(
        self, *, journey: str | None = None, if_none_match: bytes | None = None, language: str | None = None
    ) -> tuple[Document, bool]:
        """The document, and whether the client's copy is as good; NotFound for an unknown journey."""
        document = self._documents.get((journey, language or DEFAULT_LANGUAGE))
        if document is None:
            document = self._fall_back(journey, language or DEFAULT_LANGUAGE)
        return document, if_none_match is not None and matches(if_none_match, document.etag)

    def respond(
        self,
        if_none_match: str | None = None,
        journey: str | None = None,
        origin: str | None = None,
        *,
        language: str | None = None,
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, header fields and body of an answer to GET; raises NotFound or Unavailable."""
        tags = None if if_none_match is None else if_none_match.encode("latin-1", "replace")
        document, unchanged = self.find(journey=journey, if_none_match=tags, language=language)
        fields = (document.fields_unchanged if unchanged else document.fields) + self.cors(origin)
        headers = [(name.decode(), value.decode("latin-1")) for name, value in fields]
        return (304, headers, b"") if unchanged else (200, headers, document.body)

    def cors(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """The fields that let a page of `origin` read the answer; what holds for everybody is in the documents."""
        if "*" in self._origins:
            return []
        if origin in self._origins and origin is not None:
            return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        return [(b"vary", b"Origin")]

    def _fall_back(self, journey: str | None, language: str) -> Document:
        """`de-CH` is answered in `de`, a language nobody has written in the default one."""
        if not self._documents:
            self.recompute()
        if not self._documents:
            raise Unavailable("The configuration is not loaded yet.", retry_after_s=1)
        short = language.partition("-")[0].lower()
        document = self._documents.get((journey, short)) or self._documents.get((journey, DEFAULT_LANGUAGE))
        if document is None:
            raise NotFound(f"There is no journey {journey!r}.", journey=journey)
        return document

    def _read(self, snapshot: Any) -> None:
        bodies: dict[str, Mapping[str, Any]] = {}
        for source in self._sources:
            bodies.update(source(snapshot))
        bodies.update({slug: piece.body for slug, piece in snapshot.of("journey").items()})
        self._journeys = _parsed(bodies, Journey)
        self._words = _parsed({slug: piece.body for slug, piece in snapshot.of("delay").items()}, Word)
        self._languages = frozenset(
            language for journey in self._journeys.values() for language in journey.messages
        ) | frozenset(SHIPPED)
        self._raised = {slug: raised for slug, raised in self._raised.items() if slug in self._journeys}
        self._snapshot = snapshot

    def _verdict(self, slug: str, now_ms: float) -> Verdict:
        """The judgement, held up for the minimum on-time once circuits raised it; an operator's word acts at once."""
        circuits, journey = self._plane.circuits, self._journeys[slug]
        targets = [circuits[target] for target in journey.targets if target in circuits]
        verdict = judge(journey, targets, self._words.get(slug), now_ms, self._plane.backlogs.get(slug, ()))
        if verdict.by_operator:
            self._raised.pop(slug, None)
        elif verdict.delayed:
            since_ms, hold_ms = self._raised.get(slug, (verdict.since_ms or int(now_ms), now_ms + self._min_on_ms))
            since_ms = min(since_ms, verdict.since_ms or since_ms)
            self._raised[slug] = (since_ms, hold_ms)
            return msgspec.structs.replace(verdict, since_ms=since_ms)
        elif slug in self._raised:
            since_ms, hold_ms = self._raised[slug]
            if now_ms < hold_ms:
                return Verdict(True, since_ms, hold_ms, min(hold_ms, verdict.next_ms or hold_ms), cause=CIRCUIT)
            del self._raised[slug]
        return verdict

    def _stale(self, now_ms: float) -> bool:
        """Whether the shared state has been out of reach for longer than a hiccup."""
        if self._plane.store_ok:
            self._away_since_ms = None
            return False
        self._away_since_ms = now_ms if self._away_since_ms is None else self._away_since_ms
        return now_ms - self._away_since_ms > STALE_AFTER_MS

    def _compose(
        self, verdicts: Mapping[str, Verdict], now_ms: float, stale: bool
    ) -> dict[tuple[str | None, str], Document]:
        as_of = rfc3339(int(now_ms))
        documents: dict[tuple[str | None, str], Document] = {}
        for language in self._languages:
            entries = {slug: self._entry(slug, verdict, language, now_ms) for slug, verdict in verdicts.items()}
            documents[None, language] = self._document(entries, verdicts, as_of, stale)
            for slug, entry in entries.items():
                one = {slug: verdicts[slug]}
                documents[slug, language] = self._document({slug: entry}, one, as_of, stale, top=entry)
        return documents

    def _entry(self, slug: str, verdict: Verdict, language: str, now_ms: float) -> dict[str, Any]:
        journey, word = self._journeys[slug], self._words.get(slug)
        if word is None or not verdict.by_operator or not word.delayed:
            word = None
        title, estimated_s, words = journey.title or slug, None, None
        if verdict.delayed and verdict.until_ms is not None:
            estimated_s = max(0, -int((now_ms - verdict.until_ms) // 1000))
        if verdict.delayed:
            own = word.message if word else ""
            words = own or message(journey.messages, language, title=title, estimated_s=estimated_s)
        return {
            "journey": slug,
            "title": title,
            "delayed": verdict.delayed,
            "since": rfc3339(verdict.since_ms) if verdict.delayed else None,
            "severity": (word.severity if word else None) or journey.severity,
            "message": words,
            "estimated_s": estimated_s,
            "retry": False,
        }

    def _document(
        self,
        entries: Mapping[str, dict[str, Any]],
        verdicts: Mapping[str, Verdict],
        as_of: str | None,
        stale: bool,
        *,
        top: Mapping[str, Any] | None = None,
    ) -> Document:
        delayed = any(verdict.delayed for verdict in verdicts.values())
        since = [verdict.since_ms for verdict in verdicts.values() if verdict.delayed and verdict.since_ms is not None]
        poll_after_s = POLL_DELAYED_S if delayed or stale else POLL_CALM_S
        content = {
            **(top or {}),
            "delayed": delayed,
            "since": rfc3339(min(since)) if since else None,
            "journeys": list(entries.values()),
            "poll_after_s": poll_after_s,
            "as_of": as_of,
            "stale": stale,
        }
        news = [
            (slug, entry["title"], entry["severity"], entry["message"], entry["since"], verdicts[slug].until_ms)
            for slug, entry in entries.items()
        ]
        etag = weak(msgspec.json.encode((delayed, stale, news)))
        return Document(etag, msgspec.json.encode(content), *self._fields(etag))

    def _fields(self, etag: bytes) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
        fields = [
            (b"etag", etag),
            (b"cache-control", b"public, max-age=%d, must-revalidate" % MAX_AGE_S),
            (b"access-control-expose-headers", EXPOSED.encode()),
        ]
        if "*" in self._origins:
            fields.append((b"access-control-allow-origin", b"*"))
        return [(b"content-type", b"application/json"), *fields], fields

    def _arm(self, due_ms: float | None) -> None:
        """Look again in a second, or sooner when something is due; outside of a loop nothing is armed."""
        self.close()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        wait_s = REFRESH_S if due_ms is None else min(REFRESH_S, max(0.005, due_ms / 1000))
        self._timer = loop.call_later(wait_s, self.refresh)


def _parsed(bodies: Mapping[str, Mapping[str, Any]], kind: type[T]) -> dict[str, T]:
    """Typed bodies by slug; one that cannot be read is left out and logged, so that the others are still shown."""
    parsed: dict[str, T] = {}
    for slug, body in bodies.items():
        try:
            parsed[slug] = msgspec.convert(body, kind)
        except msgspec.ValidationError as error:
            log.error("delay_piece_unusable", slug=slug, error=str(error))
    return parsed
