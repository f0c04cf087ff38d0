"""Whether a run has time enough: the longest way through the states against the deadline."""

from collections.abc import Iterator

from compositions.longest import longest_s

from .findings import WARNING, Finding, Subject


def deadline(subject: Subject) -> Iterator[Finding]:
    """Steps whose own limits add up to more than the run may take: the last of them would be cut short."""
    if subject.deadline_ms is None:
        return
    longest = longest_s(subject.definition, subject.around)
    if longest * 1000 > subject.deadline_ms:
        text = (
            f"Its steps may take {longest:.3g} s, with every Retry, and the deadline is {subject.deadline_ms / 1000:g} "
            "s: what comes late is cut off, and its Catch with it. Lower TimeoutSeconds or attempts, or raise "
            "deadline_ms."
        )
        yield Finding("/", "deadline_too_short", text, WARNING)


def waiting_forever(subject: Subject) -> Iterator[Finding]:
    """Tasks that wait for somebody who may never answer."""
    for step in subject.steps:
        resource = str(step.raw.get("Resource", ""))
        bounds = ("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath")
        if resource.endswith(".waitForTaskToken") and not any(name in step.raw for name in bounds):
            text = (
                "It waits for its token for ever. Give it TimeoutSeconds or HeartbeatSeconds, and Catch States.Timeout."
            )
            yield Finding(step.path, "waits_forever", text, WARNING)
