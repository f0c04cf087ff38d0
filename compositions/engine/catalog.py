"""The compositions of one configuration, compiled when they are first asked for, once for each digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import msgspec
import structlog

from compositions import texts
from compositions.asl import InvalidDefinition, Machine, compile_machine
from compositions.asl.frames import ACCOUNT
from compositions.asl.values import Json

from .natives import Native, native_for

log = structlog.get_logger("switchgear.compositions")

Type = Literal["EXPRESS", "STANDARD"]
DEADLINE_S = 10.0


class Piece(Protocol):
    @property
    def digest(self) -> str: ...
    @property
    def body(self) -> dict[str, Any]: ...


class Snapshot(Protocol):
    def of(self, kind: str) -> Mapping[str, Piece]: ...


class Compiled(msgspec.Struct, frozen=True):
    """One version of a composition, ready to run. `deadline_s` is None for STANDARD ones, which may take their time.

    `native`: how it is served where it is nested, and for which inputs, if it is a shipped one. `named` is StateMachine
    of the context object.
    """

    slug: str
    type: Type
    version: int
    machine: Machine
    definition: Mapping[str, Json]
    deadline_s: float | None = None
    max_stale_s: float | None = None
    meta: bool = False
    title: str = ""
    native: tuple[Native, Callable[[Json], bool]] | None = None
    named: Mapping[str, Json] = {}


def compiled(slug: str, body: Mapping[str, Any]) -> Compiled:
    """From a composition's document. Raises InvalidDefinition; KeyError, TypeError, ValueError for what is none."""
    kind: Type = body["type"]
    definition = texts.read(body["definition"])
    deadline_ms = body.get("deadline_ms")
    return Compiled(
        slug=slug,
        type=kind,
        version=body.get("version", 1),
        machine=compile_machine(definition),
        definition=definition,
        deadline_s=None if kind == "STANDARD" else DEADLINE_S if deadline_ms is None else deadline_ms / 1000,
        max_stale_s=body.get("max_stale_s"),
        meta=bool(body.get("meta")),
        title=body.get("title") or "",
        native=native_for(definition),
        named={"Id": f"{ACCOUNT}:stateMachine:{slug}", "Name": slug},
    )


class Catalog:
    """What is there to run. What cannot be compiled is left out and logged."""

    def __init__(self) -> None:
        self._pieces: Mapping[str, Piece] = {}
        self._compiled: dict[str, tuple[str, Compiled | None]] = {}

    def follow(self, snapshot: Snapshot) -> None:
        self._pieces = snapshot.of("composition")
        for gone in self._compiled.keys() - self._pieces.keys():
            del self._compiled[gone]

    def find(self, slug: str) -> Compiled | None:
        piece = self._pieces.get(slug)
        if piece is None:
            return None
        known = self._compiled.get(slug)
        if known is None or known[0] != piece.digest:
            known = self._compiled[slug] = piece.digest, _compiled_or_none(slug, piece.body)
        return known[1]


def _compiled_or_none(slug: str, body: Mapping[str, Any]) -> Compiled | None:
    try:
        return compiled(slug, body)
    except (InvalidDefinition, KeyError, TypeError, ValueError) as error:
        log.error("composition_unusable", composition=slug, error=str(error))
        return None
