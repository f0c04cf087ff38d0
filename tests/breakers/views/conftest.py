"""People with roles before the pages, and circuits with a past in a real Valkey."""

import asyncio
from datetime import timedelta

import pytest
import redis.asyncio
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.test import Client

from breakers.core import counts
from breakers.core.machine import Move
from breakers.core.states import State
from breakers.models import UsageCount
from breakers.models.usage import Span
from breakers.operations import consumers, journeys, keys, plans, stages, targets
from breakers.panels import board
from breakers.store.circuits import CircuitStore, Flush
from compositions.operations import routes
from controlplane.kernel import clock
from controlplane.kernel.access import Principal

SETUP = Principal.system("test")
GOLD = {
    "title": "Gold",
    "rate": 100,
    "burst": 200,
    "quota": {"limit": 10_000, "period": "MONTH", "time_zone": "Europe/Vienna"},
    "overrides": [{"route": "articles", "method": "POST", "rate": 5, "burst": 10}],
}


@pytest.fixture(autouse=True)
def _no_older_reading():
    board.forget()


@pytest.fixture
def enter(db):
    """A browser that is logged in: `enter("operator")`."""

    def make(role, name=""):
        user = User.objects.create_user(name or role, password="correct horse battery")
        user.groups.add(Group.objects.get(name=role))
        client = Client(headers={"Accept": "text/html"})
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def payment(db, valkey):
    """A target with a probe, and a journey that needs it."""
    document = {
        "title": "Payment",
        "base_url": "http://127.0.0.1:9",
        "owner": "Sofia",
        "tags": ["money"],
        "runbook_url": "https://example.org/runbook",
        "probe": {"path": "/health"},
    }
    targets.put("payment", document, by=SETUP)
    journeys.put("subscribing", {"title": "Subscribing", "targets": ["payment"]}, by=SETUP)
    return "payment"


class Past:
    """What circuits went through, written as workers write it."""

    def traffic(self, slug, **fields):
        row = counts.empty()
        for name, value in fields.items():
            row[counts.FIELDS.index(name)] = value
        failure = '{"at_ms": 1, "outcome": "failure", "status": 503, "method": "GET", "path": "/pay", "worker": "w1"}'
        self._do(lambda store: store.flush([Flush(slug, 0, b"", (), (), [(2, row)], [failure])]))

    def opened(self, slug, reason="5 failures in a row (threshold 5)", wait_ms=42_000):
        self._do(lambda store: store.move(slug, Move(0, State.OPEN, reason, wait_ms, 1, True)))

    def _do(self, work):
        async def connected():
            client = redis.asyncio.Redis.from_url(django_settings.VALKEY_URL)
            await work(CircuitStore(client, django_settings.KEY_PREFIX))
            await client.aclose()

        asyncio.run(connected())


@pytest.fixture
def past(valkey):
    return Past()


@pytest.fixture
def market(db, valkey):
    """Two targets, one with a contract, a second stage, three routes, and plan `gold` with a key of consumer `acme`."""
    targets.put("catalog", {"title": "Catalog", "base_url": "http://127.0.0.1:9"}, by=SETUP)
    contract = {"limit": 120, "period_s": 1}
    targets.put("payment", {"title": "Payment", "base_url": "http://127.0.0.1:9", "contracts": [contract]}, by=SETUP)
    stages.put("partners", {"base_path": "/partners"}, by=SETUP)
    for slug, methods, path, target, keyed in (
        ("articles", ["GET", "POST"], "/articles/{id}", "catalog", True),
        ("checkout", ["POST"], "/checkout", "payment", True),
        ("search", ["GET"], "/search", "catalog", False),
    ):
        document = {
            "methods": methods,
            "path": path,
            "integration": {"type": "target", "target": target},
            "api_key_required": keyed,
        }
        routes.put(slug, document, by=SETUP)
    plans.put("gold", GOLD, by=SETUP)
    consumers.put("acme", {"title": "Acme Media"}, by=SETUP)
    keys.create("acme", {"plans": ["gold"]}, by=SETUP)


class Counted:
    """Requests of the past, as the roll-up writes them: by the minute, that many minutes ago."""

    def __call__(self, consumer, plan, minutes_ago=1, **outcomes):
        minute = clock.now().replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
        for outcome, count in outcomes.items():
            UsageCount.objects.create(
                span=Span.MINUTE,
                at=minute,
                consumer=consumer,
                plan=plan,
                outcome=outcome.replace("__", ":"),
                count=count,
            )


@pytest.fixture
def counted(db):
    return Counted()
