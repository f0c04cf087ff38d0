"""The product's publisher of actions, by the levels of a test's data plane."""

from breakers.actions import publishing
from breakers.dataplane import DataPlane

PLANES: list[DataPlane] = []


def wants():
    return publishing.wants_of(PLANES[0])
