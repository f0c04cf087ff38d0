"""Whom a Task calls, as far as its text tells: a target, another composition, or something outside; pure.

An address that is computed tells its target all the same where it is built on a literal, as in
`{% 'target://articles/articles/' & $states.input.id %}`. Where it is not, the state's Comment may declare:
`"Comment": "targets: articles, search"`. A Comment changes nothing where the definition runs elsewhere.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from compositions.asl.values import Json
from compositions.walking import steps

HTTP: Final = "arn:aws:states:::http:invoke"
SEND: Final = "arn:aws:states:::sqs:sendMessage"
MANUAL: Final = ("manual", "queue://manual")
SYNC_OF_STANDARD: Final = "arn:aws:states:::states:startExecution.sync:2"
SYNC_OF_EXPRESS: Final = "arn:aws:states:::aws-sdk:sfn:startSyncExecution"
# Resources that run another workflow, and whether the task ends with it.
NESTED: Final = {
    "arn:aws:states:::states:startExecution": False,
    "arn:aws:states:::states:startExecution.sync": True,
    SYNC_OF_STANDARD: True,
    "arn:aws:states:::states:startExecution.waitForTaskToken": True,
    "arn:aws:states:::aws-sdk:sfn:startExecution": False,
    SYNC_OF_EXPRESS: True,
}

_TARGET: Final = re.compile(r"target://([a-z0-9-]+)(?:[/?]|['\"](?!\s*&))")
_SLUG: Final = re.compile(r"[a-z0-9-]+")
_DECLARED: Final = re.compile(r"\btargets:\s*([a-z0-9-]+(?:\s*,\s*[a-z0-9-]+)*)")
_LITERAL: Final = re.compile(r"https?://[^\s'\"{}]+")
_MACHINE: Final = re.compile(r"^arn:aws[\w-]*:states:[\w-]*:\d*:stateMachine:([\w-]+)(?::[\w-]+)?$")


class Callee(NamedTuple):
    """`targets` and `composition` are slugs. `address` is what was written, where it is not computed.

    Targets beside a composition are those that its input names, which counts where the composition lets its caller
    choose (see `lets_choose`). `waits`: the task ends with what it called, so it fails with it too.
    """

    resource: str
    address: str = ""
    targets: tuple[str, ...] = ()
    composition: str = ""
    is_computed: bool = False
    waits: bool = True


def callee(raw: Mapping[str, Json], base_urls: Mapping[str, str]) -> Callee | None:
    """Whom a state calls; None when it is no Task. `base_urls` by slug tell absolute addresses."""
    resource = raw.get("Resource")
    if raw.get("Type") != "Task" or not isinstance(resource, str):
        return None
    if resource == HTTP:
        return _http(raw, base_urls)
    if resource in NESTED:
        address, is_computed = _argument(raw, "StateMachineArn")
        slug = "" if is_computed else nested_slug(address)
        return Callee(resource, address, _handed(raw), slug, is_computed, NESTED[resource])
    return Callee(resource)


def lets_choose(definition: Json) -> bool:
    """Whether a workflow calls targets that only its input names, as the shipped circuit breaker does."""
    called = (callee(step.raw, {}) for step in steps(definition))
    return any(each.resource == HTTP and each.is_computed and not each.targets for each in called if each)


def is_manual(resource: str, queue: Json) -> bool:
    """Whether a person is asked: a message to the queue `manual`, whose address at AWS ends in `/manual`."""
    return resource.startswith(SEND) and isinstance(queue, str) and (queue in MANUAL or queue.endswith("/manual"))


def asks_a_person(raw: Mapping[str, Json]) -> bool:
    address, _ = _argument(raw, "QueueUrl")
    return is_manual(str(raw.get("Resource")), address)


def nested_slug(address: str) -> str:
    """The composition that a state machine's ARN names; a slug names itself."""
    found = _MACHINE.match(address)
    return found[1] if found else address


def target_of(address: str, base_urls: Mapping[str, str]) -> str:
    """The slug of the target that an address belongs to; empty when it belongs to none."""
    if address.startswith("target://"):
        return re.split(r"[/?#]", address.removeprefix("target://"), maxsplit=1)[0]
    fitting = [slug for slug, base in base_urls.items() if _below(address, base)]
    return max(fitting, key=lambda slug: len(base_urls[slug]), default="")


def _http(raw: Mapping[str, Json], base_urls: Mapping[str, str]) -> Callee:
    address, is_computed = _argument(raw, "ApiEndpoint")
    if not is_computed:
        slug = target_of(address, base_urls)
        return Callee(HTTP, address, targets=(slug,) if slug else ())
    found = [*_TARGET.findall(address), *_declared(raw)]
    found += [slug for literal in _LITERAL.findall(address) if (slug := target_of(literal, base_urls))]
    return Callee(HTTP, targets=tuple(dict.fromkeys(found)), is_computed=True)


def _handed(raw: Mapping[str, Json]) -> tuple[str, ...]:
    """The targets in the input that a nested workflow gets: `"target": slug`, or an address in any member."""
    given = raw.get("Arguments", raw.get("Parameters"))
    handed = given.get("Input") if isinstance(given, dict) else None
    found: list[str] = []
    for name, value in handed.items() if isinstance(handed, dict) else ():
        if isinstance(value, str):
            found += _TARGET.findall(f"'{value}'")
            if name == "target" and _SLUG.fullmatch(value):
                found.append(value)
    return tuple(dict.fromkeys(found))


def _argument(raw: Mapping[str, Json], name: str) -> tuple[str, bool]:
    """What is written for an argument, and whether only the run knows its value."""
    given = raw.get("Arguments", raw.get("Parameters"))
    if isinstance(given, str):
        return given, True
    if not isinstance(given, dict):
        return "", False
    if isinstance(computed := given.get(f"{name}.$"), str):
        return computed, True
    value = given.get(name)
    value = value if isinstance(value, str) else ""
    return value, value.startswith("{%")


def _declared(raw: Mapping[str, Json]) -> list[str]:
    found = _DECLARED.search(str(raw.get("Comment", "")))
    return [slug.strip() for slug in found[1].split(",")] if found else []


def _below(address: str, base: str) -> bool:
    base = base.rstrip("/")
    return address == base or address.startswith((f"{base}/", f"{base}?"))
