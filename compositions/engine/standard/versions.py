"""The versions that executions keep, compiled once each: a definition that is changed binds only who starts later."""

from collections.abc import Mapping

from compositions import texts
from compositions.asl import Machine, compile_machine
from compositions.asl.values import Json
from compositions.models import CompositionVersion
from compositions.neighbours import around
from compositions.reach import reach

MOST_KEPT = 500


class Version:
    """One version of a composition, ready to run. `required` are the targets that it cannot do without, also in the
    compositions that it runs, as of the configuration `seen`."""

    def __init__(self, composition: str, number: int, definition: Mapping[str, Json]) -> None:
        self.composition, self.number, self.definition = composition, number, definition
        self.machine: Machine = compile_machine(definition)
        self.required: frozenset[str] = frozenset()
        self.seen = -1

    def kind(self, state: str) -> str:
        """The Type of a state of the machine itself; empty when there is none of that name."""
        found = self.definition["States"].get(state)
        return str(found["Type"]) if found else ""


class Versions:
    """Asked in the thread of claims, which may read the database."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Version] = {}

    def find(self, composition: str, number: int, configuration: int) -> Version:
        """Raises InvalidDefinition, or LookupError when the version is gone."""
        known = self._kept.get((composition, number))
        if known is None:
            row = CompositionVersion.objects.filter(composition=composition, number=number).first()
            if row is None:
                raise LookupError(f"there is no version {number} of composition {composition!r}")
            known = Version(composition, number, texts.read(row.definition))
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[composition, number] = known
        if known.seen != configuration:
            known.required, known.seen = reach(known.definition, around()).required, configuration
        return known
