"""The history of a flag agrees with the flag, and is silent while nothing is known."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from breakers.core.machine import Circuit
from breakers.delays import DelayDocs, history
from breakers.models import DelayPeriod
from controlplane.kernel.clock import to_ms

from .test_delays import Plane

pytestmark = pytest.mark.django_db


@pytest.fixture
def plane() -> Any:
    plane = Plane()
    plane.now = to_ms(timezone.now())
    plane.delays = DelayDocs(plane, min_on_s=0, origins=["*"], sources=[])
    plane.put("journey", "subscribe", {"title": "Subscribing", "targets": ["payment"]})
    return plane


def open_payment(plane: Any) -> None:
    plane.circuits["payment"].open(plane.now - 2000)
    plane.changed()


def test_a_period_opens_with_the_outage_and_closes_with_the_flag(plane: Any) -> None:
    history.note(plane)
    assert not DelayPeriod.objects.exists()
    open_payment(plane)
    for _ in range(2):
        history.note(plane)
    period = DelayPeriod.objects.get()
    assert (period.journey, period.cause, period.detail) == ("subscribe", "circuit", "payment: no calls")
    assert (to_ms(period.since), period.until) == (plane.now - 2000, None)
    plane.circuits["payment"].circuit = Circuit()
    plane.changed()
    history.note(plane)
    assert DelayPeriod.objects.get().until is not None


def test_an_operators_word_is_told_as_such(plane: Any) -> None:
    plane.put("delay", "subscribe", {"delayed": True, "message": "Moving house", "since_ms": plane.now})
    history.note(plane)
    assert DelayPeriod.objects.get().detail == "an operator said so"


def test_while_the_store_is_away_nothing_is_written(plane: Any) -> None:
    open_payment(plane)
    plane.store_ok = False
    history.note(plane)
    assert not DelayPeriod.objects.exists()


def test_a_journey_that_was_deleted_while_delayed_leaves_no_open_period(plane: Any) -> None:
    open_payment(plane)
    history.note(plane)
    plane.drop("journey", "subscribe")
    history.note(plane)
    assert DelayPeriod.objects.get().until is not None
