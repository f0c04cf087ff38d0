"""Whom tasks call: targets and compositions must be known, and somebody here must serve the resource."""

from collections.abc import Iterator

from compositions.asl.values import Json
from compositions.callees import HTTP, NESTED, Callee, callee
from compositions.surroundings import Surroundings
from compositions.walking import Step, steps

from .findings import WARNING, Finding


def findings(
    definition: Json, around: Surroundings, slug: str, type: str, deadline_ms: int | None
) -> Iterator[Finding]:
    for step in steps(definition):
        called = callee(step.raw, around.base_urls)
        if called is not None and called.resource == HTTP:
            yield from _http(step, called, around)
        elif called is not None and called.resource in NESTED:
            yield from _nested(step, called, around)


def _http(step: Step, called: Callee, around: Surroundings) -> Iterator[Finding]:
    place = _argument(step, "ApiEndpoint")
    for target in called.targets:
        if target not in around.base_urls:
            text = f"There is no target “{target}”. Register it first, or correct its slug."
            yield Finding(place, "unknown_target", text)
    if called.targets:
        return
    if called.is_computed:
        text = (
            "Only the run knows which target this calls, so impact, capacity and pipes do not. Begin the address with "
            "a literal target://slug/, or declare in the state's Comment: targets: slug, slug."
        )
        yield Finding(place, "undeclared_target", text, WARNING)
    else:
        text = (
            f"{called.address or 'The address'} belongs to no registered target. Write target://slug/path, or register "
            "a target with this base URL."
        )
        yield Finding(place, "unknown_target", text)


def _nested(step: Step, called: Callee, around: Surroundings) -> Iterator[Finding]:
    place = _argument(step, "StateMachineArn")
    if not called.is_computed and around.find(called.composition) is None:
        text = f"There is no composition “{called.composition}”. Make it first, or correct its slug."
        yield Finding(place, "unknown_composition", text)


def _argument(step: Step, name: str) -> str:
    """The place of an argument, or of what holds it."""
    for field in ("Arguments", "Parameters"):
        given = step.raw.get(field)
        if isinstance(given, dict):
            written = next((each for each in (name, f"{name}.$") if each in given), "")
            return f"{step.path}/{field}/{written}" if written else f"{step.path}/{field}"
        if given is not None:
            return f"{step.path}/{field}"
    return f"{step.path}/Resource"
