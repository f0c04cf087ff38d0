"""Configures the practice range as an operator would: what it needs and does not have yet, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings

from breakers.models import Journey, Target
from breakers.operations import journeys, targets
from breakers.store.slots import SlotStore
from compositions.models import Route
from compositions.operations import routes
from compositions.practice_range import partners, workflows
from compositions.practice_range.addresses import SLUGS, Addresses
from controlplane.kernel import valkey
from controlplane.kernel.access import Principal

REASON = "practice range: first start"
MOVED = "practice range: it listens on another port now"
TAG = "practice-range"

Document = dict[str, Any]

# Short waits, so that a tour is quick. A real target would rather keep the defaults.
QUICK: Document = {
    "wait_duration_in_open_state_s": 10,
    "permitted_number_of_calls_in_half_open_state": 2,
    "success_threshold": 2,
}
SLOW_CALLS: Document = {
    "type": "slow_call_rate",
    "slow_call_duration_threshold_ms": 500,
    "slow_call_rate_threshold": 50,
    "minimum_number_of_calls": 8,
    "sliding_window_type": "TIME_BASED",
    "sliding_window_size": 20,
}
PROBE: Document = {"method": "GET", "path": "/health", "timeout_ms": 1000, "interval_s": 5, "count": 2}


def _breaker(failures_in_a_row: int) -> Document:
    return {**QUICK, "policies": [{"type": "consecutive_failures", "threshold": failures_in_a_row}, SLOW_CALLS]}


def _contract(limit: int, **when_exhausted: Any) -> Document:
    return {"limit": limit, "period_s": 1, **(when_exhausted or {"on_exhausted": "reject"})}


# What differs from one target to the next; the rest is put in by `target_documents`.
TARGETS: dict[str, Document] = {
    "articles": {
        "title": "Articles",
        "description": "Lists the stories of the science-news site and shows one.",
        "owner": "Mira Lindqvist",
        "team": "Newsroom platform",
        "contact": "#newsroom-platform",
        "tags": ["reading"],
        "breaker": _breaker(5),
        "contracts": [_contract(200)],
        "cache": {"write_through": True, "ttl_s": 2, "max_stale_s": 86_400},
    },
    "search": {
        "title": "Search",
        "description": "The new search. Traffic moves here from the monolith when the route search is enabled.",
        "owner": "Jonas Okafor",
        "team": "Discovery",
        "contact": "#discovery",
        "tags": ["reading", "new"],
        "breaker": _breaker(5),
        "contracts": [_contract(100)],
        "cache": {"write_through": True, "ttl_s": 0, "max_stale_s": 3_600},
    },
    "payment": {
        "title": "Payment",
        "description": "Charges a card. The provider allows 20 requests a second; each charge has an Idempotency-Key.",
        "owner": "Sofia Marchetti",
        "team": "Subscriptions",
        "contact": "subscriptions-oncall@example.org",
        "tags": ["subscribing", "money"],
        "kind": "third_party",
        # Money: stop after three failures rather than five.
        "breaker": _breaker(3),
        "contracts": [_contract(20, on_exhausted="wait", max_wait_ms=500)],
        "cache": {"write_through": False},
    },
    "content": {
        "title": "Content",
        "description": "Full texts for subscribers.",
        "owner": "Mira Lindqvist",
        "team": "Newsroom platform",
        "contact": "#newsroom-platform",
        "tags": ["reading", "subscribing"],
        "breaker": _breaker(5),
        "contracts": [_contract(100)],
        "cache": {"write_through": True, "ttl_s": 2, "max_stale_s": 86_400},
    },
    "newsletter": {
        "title": "Newsletter",
        "description": "Signs readers up for the weekly letter.",
        "owner": "Pim de Wit",
        "team": "Audience",
        "contact": "#audience",
        "tags": ["audience"],
        "kind": "third_party",
        "breaker": _breaker(5),
        "contracts": [_contract(10)],
        "cache": {"write_through": False},
    },
    "loyalty": {
        "title": "Loyalty",
        "description": "Points that a reader has collected. Without it readers see none, which hurts nobody.",
        "owner": "Pim de Wit",
        "team": "Audience",
        "contact": "#audience",
        "tags": ["audience"],
        "kind": "lambda",
        "breaker": _breaker(5),
        "contracts": [_contract(50)],
        "cache": {"write_through": False},
        "fallback": {
            "static": {
                "status": 200,
                "content_type": "application/json",
                "body": {"points": 0, "served_by": "fallback"},
            }
        },
    },
    "fraud": {
        "title": "Fraud",
        "description": "Judges a subscription before it is paid.",
        "owner": "Adaeze Nwosu",
        "team": "Risk",
        "contact": "risk-oncall@example.org",
        "tags": ["subscribing", "money"],
        "kind": "on_prem",
        "breaker": _breaker(3),
        "contracts": [_contract(30)],
        "cache": {"write_through": False},
    },
    "monolith": {
        "title": "Monolith",
        "description": "The old site. Whatever has no service of its own yet is answered here.",
        "owner": "Henrik Sandvik",
        "team": "Site operations",
        "contact": "+31 20 555 0100",
        "tags": ["legacy"],
        "kind": "on_prem",
        "breaker": _breaker(5),
        "contracts": [_contract(50)],
        "cache": {"write_through": True, "ttl_s": 0, "max_stale_s": 3_600},
    },
}

JOURNEYS: dict[str, Document] = {
    "subscribing": {
        "title": "Subscribing",
        "targets": ["payment", "content", "fraud"],
        "severity": "warning",
        "messages": {
            "en": "We are under heavy load. Subscriptions are received and safe with us; they take a little longer. "
            "Please do not send one twice.",
            "de": "Wir sind gerade stark ausgelastet. Abonnements kommen an und sind sicher; sie dauern etwas länger. "
            "Bitte senden Sie keines zweimal.",
        },
        "raise_at_age_s": 60,
        "clear_on": "drained",
    },
    "searching": {
        "title": "Searching",
        "targets": ["search", "monolith"],
        "severity": "info",
        "messages": {"en": "Search is not complete at the moment. All stories can still be read from the front page."},
    },
    "reading": {
        "title": "Reading",
        "targets": ["articles"],
        "severity": "info",
        "messages": {"en": "You may be reading an earlier version of our pages. The latest stories will be back soon."},
    },
}


def _route(title: str, method: str, path: str, target: str, to: str, **rest: Any) -> Document:
    integration = {"type": "target", "target": target, "path": to}
    return {"title": title, "methods": [method], "path": path, "integration": integration, **rest}


ROUTES: dict[str, Document] = {
    "articles": _route("List of stories", "GET", "/articles", "articles", "/articles"),
    "article": _route("One story", "GET", "/articles/{id}", "articles", "/articles/{id}"),
    # Disabled, /search falls through to the monolith. Enabling moves it to the new service, disabling moves it back.
    "search": _route("Search", "GET", "/search", "search", "/search", enabled=False),
    "premium": _route("Full text for subscribers", "GET", "/premium/{id}", "content", "/content/{id}"),
    "subscribe": _route("Subscribe", "POST", "/subscribe", "payment", "/charges"),
    "subscribe-check": _route("Judge a subscription", "POST", "/subscribe/check", "fraud", "/checks"),
    "newsletter": _route("Sign up for the letter", "POST", "/newsletter", "newsletter", "/subscriptions"),
    "points": _route("A reader's points", "GET", "/points/{reader}", "loyalty", "/points/{reader}"),
    **partners.ROUTES,
    **workflows.ROUTES,
    # The lowest number is taken first, so this one takes what no other route takes.
    "everything-else": {
        "title": "Everything else, by the monolith",
        "methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
        "path": "/{rest+}",
        "priority": 1000,
        "integration": {"type": "target", "target": "monolith", "path": "/{rest+}"},
    },
}


def target_documents(addresses: Addresses) -> dict[str, Document]:
    """Every target of the range, with the addresses where it listens now."""
    return {slug: {**TARGETS[slug], **_addresses_of(slug, addresses), **_shared(slug)} for slug in SLUGS}


def _addresses_of(slug: str, addresses: Addresses) -> Document:
    return {
        "base_url": addresses.url_of(slug),
        "runbook_url": f"{addresses.control_url}/runbooks/{slug}",
        "status_page_url": f"{addresses.control_url}/status/{slug}",
    }


def _shared(slug: str) -> Document:
    return {"tags": [*TARGETS[slug]["tags"], TAG], "timeout_ms": 2000, "probe": PROBE}


async def _open_ledger() -> None:
    """Contracts that are older than the ledger of slots wait before their first grant; these shall not be."""
    client = valkey.connect_async()
    try:
        await SlotStore(client, settings.KEY_PREFIX).wake()
    except valkey.Away:
        pass  # the first process that reaches the store opens the ledger, and the contracts wait their time
    finally:
        await client.aclose()


def seed(by: Principal, addresses: Addresses | None = None) -> None:
    """Add what is missing and leave the rest as operators have made it; a second run changes nothing.

    Only the addresses of the range's own targets are kept up to date, because its ports may differ between starts.
    """
    addresses = addresses or Addresses.from_environment()
    asyncio.run(_open_ledger())
    for slug, document in target_documents(addresses).items():
        known = Target.objects.filter(slug=slug).first()
        if known is None:
            targets.put(slug, document, by=by, reason=REASON)
        elif TAG in known.tags and known.base_url != document["base_url"]:
            targets.patch(slug, _addresses_of(slug, addresses), by=by, reason=MOVED)
    for slug, document in JOURNEYS.items():
        if not Journey.objects.filter(slug=slug).exists():
            journeys.put(slug, document, by=by, reason=REASON)
    workflows.seed(by, reason=REASON, tag=TAG)
    for slug, document in ROUTES.items():
        if not Route.objects.filter(slug=slug).exists():
            routes.put(slug, document, by=by, reason=REASON)
    partners.seed(by, reason=REASON, tag=TAG)
