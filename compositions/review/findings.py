"""What a review looks at and what it finds: errors, which refuse a definition, and warnings, which are shown."""

from functools import cached_property
from typing import Final

import msgspec

from compositions.asl.outline import Outline, outline
from compositions.asl.values import Json
from compositions.surroundings import Neighbour, Surroundings
from compositions.walking import Step, steps

ERROR: Final = "error"
WARNING: Final = "warning"
SEVERITIES = (ERROR, WARNING)


class Finding(msgspec.Struct, frozen=True):
    """`path` is a place in the definition, as AWS writes it; the message says what is wrong and what to do.

    Line and column, from 1, where the definition came as text.
    """

    path: str
    code: str
    message: str
    severity: str = ERROR
    line: int | None = None
    column: int | None = None


class Subject:
    """A definition under review, whose language is right: for the composition `slug`, of this type.

    `meta`: its answer tells where its parts come from, which promises that it may come without some of them.
    """

    def __init__(
        self,
        definition: Json,
        around: Surroundings,
        *,
        slug: str = "",
        type: str,
        deadline_ms: int | None = None,
        meta: bool = False,
    ) -> None:
        self.definition, self.slug, self.type, self.deadline_ms, self.meta = definition, slug, type, deadline_ms, meta
        # Others see it as it would be.
        known = {**around.compositions, slug: Neighbour(slug, type, definition, deadline_ms)}
        self.around = msgspec.structs.replace(around, compositions=known) if slug else around

    @property
    def is_express(self) -> bool:
        return self.type == "EXPRESS"

    @cached_property
    def steps(self) -> list[Step]:
        return list(steps(self.definition))

    @cached_property
    def outline(self) -> Outline:
        return outline(self.definition)
