"""Secrets are sealed under the first key and revealed under any of the list."""

import pytest

from controlplane.kernel import secrets


def test_what_is_sealed_is_revealed_and_looks_different_each_time():
    one, two = secrets.seal("hush"), secrets.seal("hush")
    assert one != two
    assert "hush" not in one
    assert secrets.reveal(one) == secrets.reveal(two) == "hush"
    assert secrets.version_of(one) != secrets.version_of(two)


def test_keys_are_rotated_by_putting_a_new_one_first(settings):
    with_secret_key = secrets.seal("a")
    settings.SECRETS_KEY = ("an older key, long",)
    older = secrets.seal("b")
    settings.SECRETS_KEY = ("a newer key, longer", "an older key, long")
    assert secrets.reveal(with_secret_key) == "a"
    assert secrets.reveal(older) == "b"
    renewed = secrets.resealed(older)
    settings.SECRETS_KEY = ("a newer key, longer",)
    assert secrets.reveal(renewed) == "b"
    with pytest.raises(secrets.Unreadable):
        secrets.reveal(older)


def test_what_was_tampered_with_is_not_revealed():
    sealed = secrets.seal("hush")
    with pytest.raises(secrets.Unreadable):
        secrets.reveal(sealed[:-6] + "AAAAA=")
    with pytest.raises(secrets.Unreadable):
        secrets.reveal("")
