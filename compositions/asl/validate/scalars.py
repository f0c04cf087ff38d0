"""Checks of plain values: texts, numbers with bounds, choices of words. In JSONata most may be an {% expression %}."""

from collections.abc import Callable
from typing import Final

from compositions.asl.validate.problems import Check, Site, shown
from compositions.asl.validate.syntax import is_expression, jsonata_string
from compositions.asl.values import Json, is_number

LONGEST_SECONDS: Final = 99_999_999


def anything(site: Site, value: Json) -> None:
    """Static JSON."""


def text(site: Site, value: Json) -> None:
    if not isinstance(value, str):
        site.expected("String", value)


def text_or_expression(site: Site, value: Json) -> None:
    if not isinstance(value, str):
        site.expected("String", value)
    elif site.is_jsonata:
        jsonata_string(site, value)


def boolean(site: Site, value: Json) -> None:
    if not isinstance(value, bool):
        site.expected("Boolean", value, "Write true or false.")


def number(site: Site, value: Json) -> None:
    if not is_number(value):
        site.expected("Number", value)


def one_of(*words: str) -> Check:
    def check(site: Site, value: Json) -> None:
        if value not in words or not isinstance(value, str):
            site.problem(f"Value is not one of [{', '.join(words)}]: {shown(value)!r}. Write one of them.")

    return check


def integer(least: int, most: int = LONGEST_SECONDS) -> Check:
    return _bounded("Integer", _is_integer, least, most)


def decimal(least: float, most: float | None = None) -> Check:
    return _bounded("Number", is_number, least, most)


def or_expression(check: Check) -> Check:
    """In JSONata states the value may be computed; then only the expression can be checked."""

    def checked(site: Site, value: Json) -> None:
        if site.is_jsonata and is_expression(value):
            jsonata_string(site, value)
        else:
            check(site, value)

    return checked


def _is_integer(value: Json) -> bool:
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def _bounded(kind: str, fits: Callable[[Json], bool], least: float, most: float | None) -> Check:
    def check(site: Site, value: Json) -> None:
        if not fits(value):
            site.expected(kind, value)
        elif not value >= least:
            site.problem(f"Minimum value is {least}. Give {site.name} {least} or more.")
        elif most is not None and value > most:
            site.problem(f"Maximum value is {most}. Give {site.name} {most} or less.")

    return check
