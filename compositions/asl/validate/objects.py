"""Checks of an object by a table of its fields: which there may be, which must be, which shut each other out."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

import msgspec

from compositions.asl.validate.problems import JSONATA, JSONPATH, Check, Site, shown
from compositions.asl.values import Json

BOTH: Final = ""
_LONGEST_NAME: Final = 60


class Field(msgspec.Struct, frozen=True):
    """A field's check, and the one query language that has it, if only one does."""

    check: Check
    language: str = BOTH


Fields = Mapping[str, Field]


def jsonpath(check: Check) -> Field:
    return Field(check, JSONPATH)


def jsonata(check: Check) -> Field:
    return Field(check, JSONATA)


class Shape(msgspec.Struct, frozen=True):
    """The fields of one kind of object. Of each group in `one_of` there must be one, of `at_most_one` there may be."""

    fields: Fields
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    at_most_one: tuple[tuple[str, ...], ...] = ()

    def check(self, site: Site, value: Json) -> bool:
        """Whether the value is an object; what is wrong inside it is reported."""
        if not isinstance(value, dict):
            site.expected("Object", value)
            return False
        for name, member in value.items():
            if site.report.is_full:
                break
            field = self.fields.get(name) if isinstance(name, str) else None
            if field is None:
                site.problem(f"Field '{shown(name)}' is not supported. {self._remedy(str(name))}", about=str(name))
            elif field.language not in (BOTH, site.language):
                site.problem(
                    f"The QueryLanguage is set to '{site.language}', but field '{name}' is only supported for the "
                    f"'{field.language}' QueryLanguage. {self._counterpart(site)}",
                    about=name,
                )
            else:
                field.check(site.at(name), member)
        self._presence(site, value)
        return True

    def _presence(self, site: Site, value: Mapping[str, Json]) -> None:
        missing = [name for name in self.required if name not in value]
        if missing:
            site.problem(f"These fields are required: [{', '.join(missing)}]. Add {_all(missing)}.")
        for group in self.one_of:
            usable = [name for name in group if self.fields[name].language in (BOTH, site.language)]
            if not any(name in value for name in group):
                site.problem(f"One of these fields is required: [{', '.join(usable)}]. Add one of them.")
        for group in (*self.one_of, *self.at_most_one):
            present = [name for name in group if name in value]
            if len(present) > 1:
                site.problem(
                    f"There should only be one of the following fields: [{', '.join(present)}]. Keep one of them.",
                    about=present[1],
                )

    def _remedy(self, name: str) -> str:
        near = get_close_matches(name, self.fields, 1, 0.8) if len(name) <= _LONGEST_NAME else []
        return f"Did you mean '{near[0]}'?" if near else "Remove it."

    @staticmethod
    def _counterpart(site: Site) -> str:
        if site.is_jsonata:
            return "Use Arguments, Output and {% expressions %} instead."
        return "Set the state's QueryLanguage to 'JSONata', or use the JSONPath fields."


def array(site: Site, value: Json, *, least: int = 0) -> Iterable[tuple[Site, Json]]:
    """The items of an array with their places; reports anything else and arrays that are too short."""
    if not isinstance(value, list):
        site.expected("Array", value)
        return
    if len(value) < least:
        site.problem(f"Array is too short: {site.name} must have at least {least} element. Add one, or remove it.")
    for i, item in enumerate(value):
        yield site.at(i), item


def _all(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
