"""Fixtures: a running practice range, and what stands in for the front door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .equipment import PracticeRange, StandIn


@pytest.fixture(scope="module")
def _frontdoor() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.stop()


@pytest.fixture(scope="module")
def _practice(_frontdoor: StandIn) -> Iterator[PracticeRange]:
    running = PracticeRange(_frontdoor.url)
    yield running
    running.stop()


@pytest.fixture
def frontdoor(_frontdoor: StandIn) -> StandIn:
    _frontdoor.asked.clear()
    _frontdoor.answers.clear()
    return _frontdoor


@pytest.fixture
def practice(_practice: PracticeRange) -> PracticeRange:
    """One process for a whole module; every test begins with everything healthy and no charges."""
    _practice.control("POST", "/reset")
    _practice.control("DELETE", "/charges")
    return _practice
