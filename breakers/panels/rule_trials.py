"""What the rules would do with a request that somebody describes, rule by rule, and in the end."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from breakers.admission.screening import Verdict
from breakers.admission.trials import Described, Trial, traits_of
from breakers.core.statements import Traits, compile_statement
from breakers.documents.defaults import Document
from breakers.documents.rules import document
from breakers.models import Stage
from breakers.operations import rules

from .wording import count, listed, things

DONE = {
    "count": "counted; the next rule is asked",
    "allow": "let through: no further rule is asked",
    "challenge": "challenged, unless it carries a pass",
    "block": "blocked",
}


class Step(NamedTuple):
    """One rule in its order. `draft` is the one in the form, which is not saved."""

    slug: str
    title: str
    priority: int
    words: str
    tone: str
    draft: bool


class Shown(NamedTuple):
    """`refused` when the request would not come through; `client` is the address that its rules may believe."""

    steps: Sequence[Step]
    end: str
    refused: bool
    client: str
    labels: Sequence[str]


class Sampled(NamedTuple):
    """Of the samples of a rule, how many fit other conditions."""

    fit: int
    total: int


def tried(described: Described, draft: Document | None = None) -> Shown:
    """The whole list, with `draft` in its place when there is one; nothing is counted."""
    documents = [document(row) for row in rules.rows()]
    if draft is not None:
        documents = [*(each for each in documents if each["slug"] != draft["slug"]), draft]
    documents.sort(key=lambda each: (each["priority"], each["slug"]))
    stage = Stage.objects.filter(slug=described.stage).first()
    trusted = list(stage.trusted_proxies) if stage else []
    trial = Trial(documents)
    trial.seen = described.seen
    traits = traits_of(described, trusted)
    verdict = trial.check(traits)
    steps = _steps(documents, described, traits_of(described, trusted), verdict, draft)
    refused = verdict.action in ("block", "challenge")
    return Shown(steps, _end(verdict), refused, traits.client, sorted(verdict.labels))


def _steps(
    documents: Sequence[Document], described: Described, traits: Traits, verdict: Verdict, draft: Document | None
) -> list[Step]:
    found = []
    ended = False
    for each in documents:
        tone = ""
        if not each["enabled"]:
            words = "switched off"
        elif each["stage"] not in (None, described.stage):
            words = f"not asked: it holds in stage {each['stage']}"
        elif ended:
            words = "not asked any more"
        elif each["slug"] in verdict.matched:
            words, tone = f"acts: {DONE[each['action']]}", "bad" if each["action"] == "block" else "warn"
            if each["action"] == "allow":
                tone = "good"
            if each["label"]:
                words += f"; label {each['label']} is put on"
                traits.labels |= {each["label"]}
            ended = each["slug"] == verdict.rule
        elif compile_statement(each["statement"])(traits):
            words = f"fits, but is request {count(described.seen + 1)} of {count(each['rate']['limit'])} allowed"
        else:
            words = "does not fit"
        here = draft is not None and each["slug"] == draft["slug"]
        found.append(Step(each["slug"], each["title"] or each["slug"], each["priority"], words, tone, here))
    return found


def _end(verdict: Verdict) -> str:
    name = verdict.title or verdict.rule
    match verdict.action:
        case "block":
            status = verdict.answer.status if verdict.answer else 403 if verdict.rate is None else 429
            return f"In the end it is refused by {name} with status {status}."
        case "challenge":
            return f"In the end {name} challenges it: without a pass a browser gets the challenge, others status 403."
        case "allow":
            return f"In the end {name} lets it through; no further rule is asked."
    counted = f", and {listed(verdict.matched)} counted it" if verdict.matched else ""
    return f"In the end it passes: no rule holds it back{counted}."


def of_samples(statement: Document, samples: Sequence[Mapping[str, Any]]) -> Sampled:
    """How many of the sampled requests fit; what samples hide or leave out does not."""
    fits = compile_statement(statement)
    return Sampled(sum(1 for sample in samples if fits(_traits(sample))), len(samples))


def sampled_words(found: Sampled) -> str:
    if not found.total:
        return ""
    return (
        f"Of its {things(found.total, 'newest sampled request')} {count(found.fit)} "
        f"{'fits' if found.fit == 1 else 'fit'} the changed conditions."
    )


def _traits(sample: Mapping[str, Any]) -> Traits:
    return Traits(
        method=sample["method"],
        path=sample["path"],
        query=urlencode([(name, value) for name, value in sample["query"]]),
        headers=[(name.encode(), value.encode()) for name, value in sample["headers"]],
        peer=sample["ip"],
        client=sample["forwarded_ip"],
        stage=sample["stage"],
        route=sample["route"],
        key=sample["key"],
        consumer=sample["consumer"],
        labels=frozenset(sample["labels"]),
    )
