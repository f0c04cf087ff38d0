"""People with roles before the pages, and circuits with a past in a real Valkey."""

import asyncio

import pytest
import redis.asyncio
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.test import Client

from breakers.core import counts
from breakers.core.machine import Move
from breakers.core.states import State
from breakers.operations import journeys, targets
from breakers.panels import board
from breakers.store.circuits import CircuitStore, Flush
from controlplane.kernel.access import Principal

SETUP = Principal.system("test")


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
