"""Configures the range's compositions: a page of three parts, a story in two steps, an old interface kept, and the saga
of a subscription with the pipe that feeds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compositions.models import Composition, Pipe
from compositions.operations import compositions, pipes
from controlplane.kernel.access import Principal

Document = dict[str, Any]

DEFINITIONS = Path(compositions.__file__).parents[1] / "definitions"

COMPOSITIONS: dict[str, Document] = {
    "circuit-breaker": {
        "title": "Circuit breaker",
        "description": "One workflow for every target: checks the circuit, calls or answers from the cache, and keeps.",
        "tags": ["shared"],
        "deadline_ms": 3_000,
    },
    "search-page": {
        "title": "Search page",
        "description": "Hits and newest stories, each through the circuit-breaker workflow, which is nested for each.",
        "tags": ["reading"],
        "deadline_ms": 4_000,
    },
    "article-page": {
        "title": "Article page",
        "description": "A story, its full text and the reader's points, asked for at once; what fails is left out.",
        "tags": ["reading"],
        "deadline_ms": 3_000,
        "meta": True,
    },
    "lead-story": {
        "title": "Lead story",
        "description": "The first story of a section with its full text: the second call is made of the first answer.",
        "tags": ["reading"],
    },
    "legacy-search": {
        "title": "Legacy search",
        "description": "Clients of the old search go on as before, and the new one answers: both sides are translated.",
        "tags": ["legacy"],
        "deadline_ms": 3_000,
    },
    "premium-onboarding": {
        "title": "Premium onboarding",
        "description": "Checks a subscription, gets the money first, unblocks the content and signs the reader up.",
        "tags": ["subscribing", "money"],
        "type": "STANDARD",
    },
}

PIPES: dict[str, Document] = {
    "premium-onboarding": {
        "title": "Premium onboarding",
        "description": "Subscriptions: accepted at once, held while payment is away, carried out when it is back.",
        "target": "premium-onboarding",
        "journey": "subscribing",
        "schema": {
            "type": "object",
            "properties": {
                "customer": {"type": "string", "minLength": 3, "maxLength": 254},
                "item": {"type": "string", "maxLength": 100},
                "amount_cents": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            },
            "required": ["customer"],
        },
        # Quick, so that a tour is: a real pipe would rather begin at 1 and take a minute.
        "drain": {"start_per_s": 2, "ramp_s": 20, "max_per_s": None},
    },
}


def _route(title: str, method: str, path: str, composition: str) -> Document:
    integration = {"type": "composition", "composition": composition}
    return {"title": title, "methods": [method], "path": path, "integration": integration}


ROUTES: dict[str, Document] = {
    "article-page": _route("One story with everything around it", "GET", "/pages/articles/{id}", "article-page"),
    "search-page": _route("Hits and newest stories", "GET", "/pages/search", "search-page"),
    "lead-story": _route("First story of a section", "GET", "/pages/sections/{section}", "lead-story"),
    "legacy-search": _route("Search as old clients know it", "POST", "/legacy/search", "legacy-search"),
    "onboarding": {
        "title": "Subscribe, answered at once",
        "methods": ["POST"],
        "path": "/onboarding",
        "integration": {"type": "pipe", "pipe": "premium-onboarding"},
    },
}

# What a client of the old search sends, to try the translation with.
LEGACY_PAYLOAD: Document = {"SearchRequest": {"Terms": "ice", "MaxHits": 5}}


def seed(by: Principal, *, reason: str, tag: str) -> None:
    """Add the compositions and pipes that are missing; their targets must be there."""
    for slug, document in COMPOSITIONS.items():
        if not Composition.objects.filter(slug=slug).exists():
            text = (DEFINITIONS / f"{slug}.asl.json").read_text(encoding="utf-8")
            document = {**document, "definition": text, "tags": [*document["tags"], tag]}
            compositions.put(slug, document, by=by, reason=reason)
    for slug, document in PIPES.items():
        if not Pipe.objects.filter(slug=slug).exists():
            pipes.put(slug, document, by=by, reason=reason)
