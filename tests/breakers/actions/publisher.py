"""The product's publishers, by the levels of a test's data plane."""

from breakers.actions import publishing
from breakers.dataplane import DataPlane
from breakers.delays import mirror

PLANES: list[DataPlane] = []


def wants():
    return publishing.wants_of(PLANES[0])


def mirrored():
    return mirror.wants_of(PLANES[0])
