"""Front doors know tokens from the configuration document: at once when one is issued or revoked, soon for the rest."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from controlplane.access import compiling, tokens
from controlplane.access.holders import Holders
from controlplane.config import reading
from controlplane.config.feed import Snapshot
from controlplane.kernel import clock
from controlplane.kernel.access import Principal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("valkey")]
SYSTEM = Principal.system("test")


def person(role: str) -> User:
    user = User.objects.create_user(f"a-{role}")
    user.groups.add(Group.objects.get(name=role))
    return user


def acts(secret: str) -> tuple[str, ...] | None:
    """What a listener makes of the newest version."""
    number, manifest, fetch = reading.present()
    pieces = {(piece.kind, piece.slug): piece for piece in fetch(sorted(manifest.values())).values()}
    holder = Holders.of(Snapshot(number, pieces)).find(f"Bearer {secret}", clock.now_ms())
    return None if holder is None else holder.acts


def test_a_token_is_known_from_when_it_is_issued_until_it_is_revoked() -> None:
    token, secret = tokens.issue(person("operator"), "billing")
    _, other = tokens.issue(person("viewer"), "dashboard")
    _, third = tokens.issue(person("service"), "shop")
    assert acts(third) == ("report",)
    assert acts(secret) == ("view", "operate")
    assert acts(other) == ("view",)
    tokens.revoke(token, by=SYSTEM)
    assert acts(secret) is None
    assert acts(other) == ("view",)


def test_a_token_of_somebody_who_may_do_nothing_is_not_told() -> None:
    _, secret = tokens.issue(User.objects.create_user("nobody"), "none")
    assert acts(secret) is None


@pytest.mark.parametrize("how", ["inactive", "demoted"])
def test_what_becomes_of_its_user_is_followed(how: str) -> None:
    user = person("operator")
    _, secret = tokens.issue(user, "billing")
    assert compiling.follow() is None
    if how == "inactive":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.groups.set([Group.objects.get(name="viewer")])
    assert compiling.follow() is not None
    assert acts(secret) == (None if how == "inactive" else ("view",))
    assert compiling.follow() is None


def test_another_scheme_and_no_token_are_nobody(settings: Any) -> None:
    _, secret = tokens.issue(person("viewer"), "dashboard")
    assert acts(secret) == ("view",)
    for header in (None, "", "Bearer", "Bearer ", f"Basic {secret}", secret):
        assert Holders().find(header, 0) is None
