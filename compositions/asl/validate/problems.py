"""What is wrong with a definition: problems, their codes, and the report that collects them place by place.

Codes are those of ValidateStateMachineDefinition; a path is written as AWS writes it: `/States/Ask/Choices[0]/Next`.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from compositions.asl.values import Json

DUPLICATE_LABEL_NAME: Final = "DUPLICATE_LABEL_NAME"
DUPLICATE_STATE_NAME: Final = "DUPLICATE_STATE_NAME"
INVALID_JSON_DESCRIPTION: Final = "INVALID_JSON_DESCRIPTION"
INVALID_JSONATA_EXPRESSION: Final = "INVALID_JSONATA_EXPRESSION"
INVALID_LABEL_NAME: Final = "INVALID_LABEL_NAME"
INVALID_STATE_NAME: Final = "INVALID_STATE_NAME"
MISSING_DESCRIPTION: Final = "MISSING_DESCRIPTION"
MISSING_END_STATE: Final = "MISSING_END_STATE"
MISSING_TRANSITION_TARGET: Final = "MISSING_TRANSITION_TARGET"
SCHEMA_VALIDATION_FAILED: Final = "SCHEMA_VALIDATION_FAILED"
TOO_DEEPLY_NESTED: Final = "TOO_DEEPLY_NESTED"
UNSUPPORTED_JSONATA_EXPRESSION: Final = "UNSUPPORTED_JSONATA_EXPRESSION"

JSONPATH: Final = "JSONPath"
JSONATA: Final = "JSONata"
STANDARD: Final = "STANDARD"
EXPRESS: Final = "EXPRESS"

# Beyond this many nobody reads on, and a hostile definition must not fill the host.
MOST_PROBLEMS: Final = 1000

Parts = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong and what to do about it; line and column (from 1) where the definition came as text."""

    path: str
    code: str
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.path}"


class Finding(msgspec.Struct, frozen=True):
    """A problem before it is placed in the text; `spot` is the place to show, which may be a part of `parts`."""

    parts: Parts
    code: str
    message: str
    spot: Parts
    by_name: bool


class Report:
    """The findings of one validation, in the order in which they were made."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    @property
    def is_full(self) -> bool:
        return len(self.findings) >= MOST_PROBLEMS

    def add(self, finding: Finding) -> None:
        # A place that two rules look at is reported once.
        if not self.is_full and finding not in self.findings[-8:]:
            self.findings.append(finding)


class Site(msgspec.Struct, frozen=True):
    """A place in a definition, with what decides how it is read: query language, machine type, and type of state.

    `state` are the parts that lead to the state around the place, `kind` is that state's type.
    """

    report: Report
    parts: Parts = ()
    language: str = JSONPATH
    machine_type: str = STANDARD
    state: Parts = ()
    kind: str = ""

    @property
    def is_jsonata(self) -> bool:
        return self.language == JSONATA

    @property
    def name(self) -> str:
        """The field that stands here."""
        return str(self.parts[-1]) if self.parts else "definition"

    def at(self, *parts: str | int) -> "Site":
        return msgspec.structs.replace(self, parts=self.parts + parts)

    def reading(self, *, language: str | None = None, machine_type: str | None = None) -> "Site":
        return msgspec.structs.replace(
            self, language=language or self.language, machine_type=machine_type or self.machine_type
        )

    def of_state(self, kind: str) -> "Site":
        return msgspec.structs.replace(self, state=self.parts, kind=kind)

    @property
    def field(self) -> str:
        """The field of the state that the place is in."""
        return str(self.parts[len(self.state)]) if len(self.parts) > len(self.state) else ""

    def problem(self, message: str, code: str = SCHEMA_VALIDATION_FAILED, *, about: str | int | None = None) -> None:
        """`about` names a member of the object here that the problem is about: the text shows that member's name."""
        spot = self.parts if about is None else (*self.parts, about)
        self.report.add(Finding(self.parts, code, message, spot, about is not None))

    def expected(self, kind: str, value: Json, remedy: str = "") -> None:
        given = f"Expected value of type {kind}, found {kind_of(value)}."
        self.problem(f"{given} {remedy}" if remedy else f"{given} Give {self.name} a value of that type.")


Check = Callable[[Site, Json], None]


def written(parts: Parts) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in parts)
    return path or "/"


def kind_of(value: Json) -> str:
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Number"
    if isinstance(value, str):
        return "String"
    if isinstance(value, dict):
        return "Object"
    return "Array" if isinstance(value, list) else type(value).__name__


def shown(value: Json, most: int = 60) -> str:
    """A short form of what an author wrote, for messages."""
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"
