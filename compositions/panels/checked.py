"""What a page says of a definition while it is written: problems with their lines, whom it reaches, its picture."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from compositions import neighbours
from compositions.asl.values import Json
from compositions.panels.pictures import Picture, picture
from compositions.reach import Reach, reach
from compositions.review import ERROR, Finding, judge
from compositions.surroundings import Surroundings

# A text of more than this is not judged while somebody types; saving judges it.
MOST_BYTES = 1024 * 1024


class Checked(NamedTuple):
    """`errors` refuse the text, `warnings` do not. `reached` and `picture` as far as the text can be read."""

    errors: Sequence[Finding]
    warnings: Sequence[Finding]
    reached: Reach
    picture: Picture | None

    @property
    def required(self) -> list[str]:
        return sorted(self.reached.required)

    @property
    def optional(self) -> list[str]:
        return sorted(self.reached.optional)

    @property
    def findings(self) -> list[Finding]:
        return [*self.errors, *self.warnings]

    @property
    def verdict(self) -> str:
        """One sentence over all."""
        if self.errors:
            return _count(len(self.errors), "problem") + " to mend before it can be saved."
        if self.warnings:
            return "It can be saved. " + _count(len(self.warnings), "thing") + " to think about."
        return "It can be saved; nothing speaks against it."


def checked(
    text: str, *, slug: str, type: str, deadline_ms: int | None = None, around: Surroundings | None = None
) -> Checked:
    around = around or neighbours.around()
    if len(text.encode(errors="replace")) > MOST_BYTES:
        large = Finding(
            "/", "TOO_LARGE", "The text is larger than 1 MiB; AWS takes no more either. Make it smaller.", line=1
        )
        return Checked([large], [], Reach(), None)
    findings = judge(text, around, slug=slug, type=type, deadline_ms=deadline_ms)
    value = _value(text)
    errors = [finding for finding in findings if finding.severity == ERROR]
    return Checked(
        errors,
        [finding for finding in findings if finding.severity != ERROR],
        reach(value, around) if not errors else Reach(),
        picture(value, title=f"Diagram of {slug or 'the definition'}", link=lambda path: "#definition")
        if value
        else None,
    )


def _value(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def as_json(value: Any) -> str:
    """For reading: indented, letters of all scripts as they are."""
    return json.dumps(value, indent=2, ensure_ascii=False)
