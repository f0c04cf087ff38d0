"""Configures who may call the range, and how often: two usage plans, a newspaper with a key, the one route that needs
a key, and a rule that counts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings

from breakers.models import Consumer, RequestRule, UsagePlan
from breakers.operations import consumers, keys, plans, rules
from controlplane.kernel.access import Principal

Document = dict[str, Any]

PARTNER = "harbour-times"
FEED = "partner-articles"

PLANS: dict[str, Document] = {
    "free": {
        "title": "Free",
        "description": "To try things out. No promise of any kind.",
        "rate": 2,
        "burst": 10,
        "quota": {"limit": 10_000, "period": "MONTH", "time_zone": "Europe/Amsterdam"},
    },
    "gold": {
        "title": "Gold",
        "description": "Newspapers that show our stories beside their own.",
        "rate": 20,
        "burst": 40,
        "quota": {"limit": 1_000_000, "period": "MONTH", "time_zone": "Europe/Amsterdam"},
        "overrides": [{"route": FEED, "method": "GET", "rate": 10, "burst": 20}],
    },
}
CONSUMER: Document = {"title": "Harbour Times", "contact": "digital@harbour-times.example", "tags": ["partner"]}
KEY: Document = {"title": "Website", "plans": ["gold"]}

RULES: dict[str, Document] = {
    "busy-addresses": {
        "title": "More than 600 requests of one address in 5 minutes",
        "rate": {"limit": 600, "window_s": 300, "keys": ["ip"]},
        "action": "count",
    },
}

ROUTES: dict[str, Document] = {
    FEED: {
        "title": "List of stories for partners",
        "methods": ["GET"],
        "path": "/partner/articles",
        "integration": {"type": "target", "target": "articles", "path": "/articles"},
        "api_key_required": True,
    },
}


def seed(by: Principal, *, reason: str, tag: str) -> None:
    """Add what is missing; the route must be there. A partner that exists keeps the keys that it has."""
    for slug, document in PLANS.items():
        if not UsagePlan.objects.filter(slug=slug).exists():
            plans.put(slug, document, by=by, reason=reason)
    for slug, document in RULES.items():
        if not RequestRule.objects.filter(slug=slug).exists():
            rules.put(slug, document, by=by, reason=reason)
    if not Consumer.objects.filter(slug=PARTNER).exists():
        consumers.put(PARTNER, {**CONSUMER, "tags": [*CONSUMER["tags"], tag]}, by=by, reason=reason)
        keys.create(PARTNER, {**KEY, "key": _secret(settings.DEMO_KEY)}, by=by, reason=reason)


def _secret(kept: Path) -> str:
    """The partner's key, kept for whoever may read the data directory: nobody else could show it again."""
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_text(keys.generate())
        draft.chmod(0o600)
        draft.replace(kept)
    return kept.read_text().strip()
