"""Several writers at once: no version compiles without the other's change, and the audit has no forks."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from controlplane.audit.chain import verify
from controlplane.config.models import ConfigVersion, Revision
from tests.controlplane.groups import add

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("groups_compiled", "no_valkey"),
]


def test_each_change_is_in_its_version_and_in_every_later_one() -> None:
    names = [f"shift-{number}" for number in range(12)]

    def write(name: str) -> int:
        try:
            return add(name).version
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as writers:
        versions = dict(zip(names, writers.map(write, names), strict=True))

    assert sorted(versions.values()) == list(range(1, 13))
    for name, version in versions.items():
        later = ConfigVersion.objects.filter(number__gte=version)
        assert all(f"group/{name}" in row.manifest for row in later)
        assert not ConfigVersion.objects.filter(number__lt=version, manifest__has_key=f"group/{name}").exists()
    assert Revision.objects.count() == 12
    assert verify().ok
