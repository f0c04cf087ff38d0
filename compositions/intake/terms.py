"""What each pipe asks of an intent, compiled once per configuration version."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from compositions.asl.paths import Path
from compositions.schemas import PayloadSchema
from controlplane.kernel import canonical
from controlplane.kernel.errors import FieldProblem, Invalid, TooLarge

from . import keys
from .rows import Offer

LONGEST_ORDER_KEY = 200
MOST_KEPT = 8192
DEEPEST = 100
_TOO_DEEP = f"The JSON is nested too deeply; at most {DEEPEST} levels are taken."
LARGEST_BODY = 256 * 1024  # what an execution takes as input

log = structlog.get_logger("switchgear.intake")


class Piece(Protocol):
    @property
    def digest(self) -> str: ...
    @property
    def body(self) -> dict[str, Any]: ...


class Snapshot(Protocol):
    def of(self, kind: str) -> Mapping[str, Piece]: ...


class Terms:
    """One pipe's terms."""

    def __init__(self, slug: str, body: Mapping[str, Any]) -> None:
        self.slug = slug
        self.journey: str = body.get("journey") or slug
        self.max_backlog: int = body["max_backlog"]
        self.needs_key = body.get("idempotency_key") == "required"
        self.tells_output = body.get("tell") == "output"
        self._kept = frozenset(body.get("keep_headers") or ())
        self._schema = PayloadSchema(body["schema"]) if body.get("schema") is not None else None
        self._order_by = Path(body["order_by"]) if body.get("order_by") else None

    def offer(self, body: bytes, headers: Sequence[tuple[str, str]], consumer: str = "", caller: str = "") -> Offer:
        """The intent that a request asks for. Raises Invalid with what is wrong."""
        value, text = read(body)
        if self._schema is not None and (found := self._schema.problems(value)):
            raise Invalid("The body is not what this pipe takes.", problems=found)
        key = keys.key_in(headers)
        if key is None and self.needs_key:
            raise keys.missing()
        return Offer(
            pipe=self.slug,
            body=text,
            consumer=consumer,
            key_hash=keys.hashed(key, caller) if key is not None else "",
            fingerprint=canonical.digest(value) if key is not None else "",
            headers=self._metadata(headers),
            order_key=self._order_key(value),
            max_backlog=self.max_backlog,
        )

    def _metadata(self, headers: Sequence[tuple[str, str]]) -> str:
        if not self._kept:
            return ""
        kept: dict[str, str] = {}
        for name, value in headers:
            if name in self._kept:
                kept[name] = f"{kept[name]}, {value}" if name in kept else value
        text = json.dumps(kept, ensure_ascii=False) if kept else ""
        if len(text) > MOST_KEPT:
            names = ", ".join(sorted(kept))
            raise Invalid(f"The headers {names} take more than {MOST_KEPT} characters together.")
        return text

    def _order_key(self, value: Any) -> str:
        if self._order_by is None:
            return ""
        found = self._order_by.find(value, _NOWHERE)
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            text = str(found)
            if 0 < len(text) <= LONGEST_ORDER_KEY and "\x00" not in text:
                return text
        path = self._order_by.text.removeprefix("$.")
        remedy = (
            f"Intents of this pipe run in order by it: give text or a number of at most {LONGEST_ORDER_KEY} characters."
        )
        raise Invalid("The body lacks what this pipe orders by.", problems=[FieldProblem(path, "required", remedy)])


class _Nowhere:
    variables: Mapping[str, Any] = {}

    def context(self) -> Mapping[str, Any]:
        return {}


_NOWHERE = _Nowhere()


class PipeTable:
    """All pipes of a configuration version; what has not changed is not compiled again."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._terms: dict[str, tuple[str, Terms]] = {}

    def find(self, slug: str, snapshot: Snapshot) -> Terms | None:
        if snapshot is not self._snapshot:
            self._follow(snapshot)
        known = self._terms.get(slug)
        return known[1] if known is not None else None

    def _follow(self, snapshot: Snapshot) -> None:
        terms: dict[str, tuple[str, Terms]] = {}
        for slug, piece in snapshot.of("pipe").items():
            known = self._terms.get(slug)
            if known is None or known[0] != piece.digest:
                try:
                    known = piece.digest, Terms(slug, piece.body)
                except (KeyError, TypeError, ValueError) as error:
                    log.error("pipe_unusable", pipe=slug, error=repr(error))
                    continue
            terms[slug] = known
        self._terms, self._snapshot = terms, snapshot


def read(body: bytes) -> tuple[Any, str]:
    """A JSON body as a value and as text. Raises Invalid."""
    if not body:
        raise _no_json("required", "Send the intent as JSON.")
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"At most {LARGEST_BODY} bytes are taken; send a reference instead.", limit=LARGEST_BODY)
    try:
        value, text = msgspec.json.decode(body), body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_json("parse_error", f"This is not JSON: {error}.") from None
    except RecursionError:
        raise _no_json("too_deep", _TOO_DEEP) from None
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(value) > DEEPEST:
        raise _no_json("too_deep", _TOO_DEEP)
    return value, text


def _depth(value: Any) -> int:
    """How many containers stand in each other."""
    depth, level = 0, [value]
    while level:
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        depth, level = depth + bool(inner), [item for items in inner for item in items]
    return depth


def _no_json(code: str, message: str) -> Invalid:
    return Invalid("The body is not acceptable.", problems=[FieldProblem("", code, message)])
