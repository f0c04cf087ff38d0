"""Whom tasks call: targets and compositions must be known, and somebody here must serve the resource."""

from collections.abc import Iterator

from compositions.callees import (
    HTTP,
    NESTED,
    SYNC_OF_EXPRESS,
    SYNC_OF_STANDARD,
    Callee,
    asks_a_person,
    callee,
    lets_choose,
)
from compositions.reach import reach
from compositions.surroundings import Service
from compositions.walking import Step

from .findings import WARNING, Finding, Subject

SYNC = (".sync", ".sync:2")


def unknown(subject: Subject) -> Iterator[Finding]:
    """Targets and compositions that nobody registered, or that only the run knows."""
    for step, called in _tasks(subject):
        if called.resource == HTTP:
            yield from _http(step, called, subject)
        elif called.resource in NESTED:
            yield from _nested(step, called, subject)


def not_served(subject: Subject) -> Iterator[Finding]:
    """Resources that nothing here serves, that only STANDARD can wait for, or that lack something such as AWS."""
    for step, called in _tasks(subject):
        resource, place = called.resource, f"{step.path}/Resource"
        leaves_running = resource in NESTED and not called.waits
        service = subject.around.serves(resource) if subject.around.serves else Service()
        if service is None:
            text = (
                f"No resource here serves {resource}. Call the service over HTTP with {HTTP} and a registered target, "
                "or run it as a composition of its own."
            )
            yield Finding(place, "resource_not_served", text)
        elif subject.is_express and (service.standard_only or leaves_running):
            text = f"An EXPRESS run ends with its answer, and {resource} outlives it. Make the composition STANDARD."
            yield Finding(place, "standard_only", text)
        elif service.lacks and not asks_a_person(step.raw):
            yield Finding(place, "resource_lacks", service.lacks, WARNING)


def circles(subject: Subject) -> Iterator[Finding]:
    """Compositions that run themselves, by whatever detour."""
    for step, called in _tasks(subject):
        slug = called.composition
        found = subject.around.find(slug) if slug else None
        if not slug or not subject.slug:
            continue
        inner = reach(found.definition, subject.around).compositions if found else frozenset()
        if slug == subject.slug or subject.slug in inner:
            way = "itself" if slug == subject.slug else f"{slug}, which runs {subject.slug} again"
            text = f"{subject.slug} runs {way}: it would never end. Take the inner call out, or loop with a Choice."
            yield Finding(_argument(step, "StateMachineArn"), "circle", text)


def _tasks(subject: Subject) -> Iterator[tuple[Step, Callee]]:
    for step in subject.steps:
        called = callee(step.raw, subject.around.base_urls)
        if called is not None:
            yield step, called


def _http(step: Step, called: Callee, subject: Subject) -> Iterator[Finding]:
    place = _argument(step, "ApiEndpoint")
    for target in called.targets:
        if target not in subject.around.base_urls:
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


def _nested(step: Step, called: Callee, subject: Subject) -> Iterator[Finding]:
    place = _argument(step, "StateMachineArn")
    if called.is_computed:
        text = (
            "Only the run knows which composition this runs, so impact, capacity and pipes do not know its targets. "
            "Name it, where you can, and choose between several with a Choice."
        )
        yield Finding(place, "undeclared_composition", text, WARNING)
        return
    found = subject.around.find(called.composition)
    if found is None:
        text = f"There is no composition “{called.composition}”. Make it first, or correct its slug."
        yield Finding(place, "unknown_composition", text)
    elif found is not None and found.type == "STANDARD" and called.resource == SYNC_OF_EXPRESS:
        text = f"{found.slug} is STANDARD, which startSyncExecution does not run. Use {SYNC_OF_STANDARD}."
        yield Finding(f"{step.path}/Resource", "sync_of_standard", text)
    elif found is not None and found.type == "EXPRESS" and called.resource.endswith(SYNC):
        text = (
            f"{found.slug} is EXPRESS. AWS does not wait for EXPRESS workflows in this way; {SYNC_OF_EXPRESS} works "
            "there and here."
        )
        yield Finding(f"{step.path}/Resource", "sync_of_express", text, WARNING)
    if found is not None and lets_choose(found.definition):
        for target in called.targets:
            if target not in subject.around.base_urls:
                text = (
                    f"There is no target “{target}”, which {found.slug} would call. Register it, or correct its slug."
                )
                yield Finding(_argument(step, "Input"), "unknown_target", text)


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
