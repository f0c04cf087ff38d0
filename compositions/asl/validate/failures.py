"""Retry and Catch: which errors a retrier or a catcher takes, and its numbers."""

from collections.abc import Sequence
from typing import Final

from compositions.asl import errors
from compositions.asl.validate.objects import Field, Shape, array, jsonata, jsonpath
from compositions.asl.validate.problems import Site
from compositions.asl.validate.scalars import decimal, integer, one_of, text
from compositions.asl.validate.syntax import jsonata_template, result_path
from compositions.asl.validate.variables import assign
from compositions.asl.values import Json

LONGEST_DELAY: Final = 31_622_400  # of MaxDelaySeconds, exclusive


def _error_equals(site: Site, value: Json) -> None:
    for place, name in array(site, value, least=1):
        text(place, name)
    if isinstance(value, list) and errors.ALL in value and len(value) > 1:
        site.problem(f"'{errors.ALL}' must appear alone in ErrorEquals. Give it an entry of its own, as the last one.")


RETRIER: Final = Shape(
    {
        "Comment": Field(text),
        "ErrorEquals": Field(_error_equals),
        "IntervalSeconds": Field(integer(1)),
        "MaxAttempts": Field(integer(0)),
        "BackoffRate": Field(decimal(1.0)),
        "MaxDelaySeconds": Field(integer(1, LONGEST_DELAY - 1)),
        "JitterStrategy": Field(one_of("FULL", "NONE")),
    },
    required=("ErrorEquals",),
)
CATCHER: Final = Shape(
    {
        "Comment": Field(text),
        "ErrorEquals": Field(_error_equals),
        "Next": Field(text),
        "ResultPath": jsonpath(result_path),
        "Output": jsonata(jsonata_template),
        "Assign": Field(assign),
    },
    required=("ErrorEquals", "Next"),
)


def retry(site: Site, value: Json) -> None:
    _entries(site, value, RETRIER)


def catch(site: Site, value: Json) -> None:
    _entries(site, value, CATCHER)


def _entries(site: Site, value: Json, shape: Shape) -> None:
    for place, entry in array(site, value):
        shape.check(place, entry)
    if isinstance(value, list):
        _all_comes_last(site, value)


def _all_comes_last(site: Site, entries: Sequence[Json]) -> None:
    for i, entry in enumerate(entries[:-1]):
        names = entry.get("ErrorEquals") if isinstance(entry, dict) else None
        if isinstance(names, list) and errors.ALL in names:
            site.at(i, "ErrorEquals").problem(
                f"'{errors.ALL}' must appear in the last entry of {site.name}. Move this entry to the end."
            )
