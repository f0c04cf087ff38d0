"""Findings of the capacity arithmetic as pages show them: worst first, each with links to what can be corrected."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.urls import reverse

from breakers.core.capacity import Finding

# Kind of a noun -> the name of the address where it is looked at and corrected.
PAGES = {
    "plan": "plan",
    "throttle": "throttle",
    "stage": "stage",
    "rule": "rule",
    "target": "circuit",
    "route": "route-limits",
    "composition": "composition",
    "pipe": "pipe",
    "execution": "execution",
    "consumer": "consumer",
    "key": "key",
}
TONES = {"warning": ("bad", "✕ warning"), "notice": ("warn", "! notice")}


class Link(NamedTuple):
    title: str
    href: str


class Shown(NamedTuple):
    """A finding with its tone, its word and where to go."""

    severity: str
    tone: str
    word: str
    sentence: str
    links: Sequence[Link]


def shown(findings: Iterable[Finding]) -> list[Shown]:
    return [_shown(finding) for finding in sorted(findings, key=_worst)]


def _worst(finding: Finding) -> tuple[bool, float]:
    """Warnings first, and of them the contract that is exceeded most; the others keep their order."""
    figures = finding.figures
    over = figures["demand_per_s"] / figures["allowed_per_s"] if "demand_per_s" in figures else 0
    return finding.severity != "warning", -over


def address(kind: str, slug: str) -> str:
    """The page of a noun; empty for a kind without one."""
    return reverse(PAGES[kind], args=[slug]) if kind in PAGES else ""


def _shown(finding: Finding) -> Shown:
    tone, word = TONES.get(finding.severity, ("warn", finding.severity))
    names = dict.fromkeys([f"{finding.kind}:{finding.slug}", *finding.names])
    links = []
    for name in names:
        kind, _, slug = name.partition(":")
        if href := address(kind, slug):
            links.append(Link(f"{kind} {slug}", href))
    return Shown(finding.severity, tone, word, _sentence(finding.sentence), links)


def _sentence(text: str) -> str:
    text = f"{text[:1].upper()}{text[1:]}"
    return text if text.endswith(".") else f"{text}."
