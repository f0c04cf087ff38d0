"""What comes back: parts that would be lost with another, whole responses as data, and writes that are repeated."""

from collections.abc import Iterator, Mapping

from compositions.asl.bounds import attempts
from compositions.asl.values import Json
from compositions.callees import HTTP
from compositions.reach import reach
from compositions.walking import Step, machines

from .findings import WARNING, Finding, Subject

ONCE_ONLY = ("POST", "PATCH")
SELECTING = ("ResultSelector", "Output", "OutputPath")


def lost_parts(subject: Subject) -> Iterator[Finding]:
    """Branches without a Catch beside others that have one, or where the answer promises to come in parts."""
    for step in subject.steps:
        if step.kind != "Parallel":
            continue
        found = [(scope, reach(machine, subject.around)) for scope, machine in machines(step)]
        promised = (subject.meta and len(found) > 1) or any(branch.optional for _, branch in found)
        for number, (scope, branch) in enumerate(found, 1):
            if promised and branch.required:
                text = (
                    f"Branch {number} of {step.name} needs {_named(branch.required)}: when that fails, the parts of "
                    "the other branches are lost with it. Catch in the branch what it can do without."
                )
                yield Finding(scope, "branch_without_catch", text, WARNING)


def whole_responses(subject: Subject) -> Iterator[Finding]:
    """Calls whose whole response, headers and all, is what the workflow answers with."""
    holders = {scope: step for step in subject.steps for scope, _ in machines(step)}
    for step in subject.steps:
        if step.raw.get("Resource") == HTTP and _leaves_whole(step, holders):
            field = "Output" if _is_jsonata(subject, step) else "ResultSelector"
            text = (
                "The whole response leaves with the answer: status, headers and provenance. Take with "
                f"{field} what is needed, such as the ResponseBody; data may have 256 KiB."
            )
            yield Finding(step.path, "whole_response", text, WARNING)


def _leaves_whole(step: Step, holders: Mapping[str, Step]) -> bool:
    """Whether nothing is selected of a state's result on its way out, through the states around it."""
    around: Step | None = step
    while around is not None:
        selects = any(name in around.raw for name in SELECTING) or around.raw.get("ResultPath", "") is None
        if selects or around.raw.get("End") is not True:
            return False
        around = holders.get(around.scope)
    return True


def repeated_writes(subject: Subject) -> Iterator[Finding]:
    """Calls that write and are repeated without a key that makes repeating harmless."""
    for step in subject.steps:
        given = step.raw.get("Arguments", step.raw.get("Parameters"))
        if not subject.is_express or step.raw.get("Resource") != HTTP or not isinstance(given, dict):
            continue
        if given.get("Method") in ONCE_ONLY and attempts(step.raw) > 1 and not _has_key(given):
            text = (
                f"Its Retry repeats a {given['Method']}, which may be done twice. Send an Idempotency-Key in Headers "
                "if the target honours one, or retry only what never reached it: Breaker.Open, Contract.Exhausted."
            )
            yield Finding(f"{step.path}/Retry", "repeated_write", text, WARNING)


def _has_key(given: Mapping[str, Json]) -> bool:
    headers = given.get("Headers", given.get("Headers.$"))
    if not isinstance(headers, dict):
        return headers is not None  # only the run knows them
    return any(name.lower().removesuffix(".$") == "idempotency-key" for name in headers)


def _is_jsonata(subject: Subject, step: Step) -> bool:
    whole = subject.definition.get("QueryLanguage") if isinstance(subject.definition, dict) else None
    return (step.raw.get("QueryLanguage") or whole) == "JSONata"


def _named(slugs: frozenset[str]) -> str:
    return " and ".join(sorted(slugs))
