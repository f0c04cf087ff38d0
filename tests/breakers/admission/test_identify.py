"""Who calls, by API key: every way in which a key can fail has a name of its own."""

import pytest

from breakers.admission.errors import (
    KeyExpired,
    KeyMissing,
    KeyRetired,
    KeyRevoked,
    KeyUnknown,
    NotAdmitted,
    WrongStage,
)
from breakers.admission.identify import KeyTable, identify, plan_of, recognise

from .configured import key, keys

NOW_MS = 1_000_000
STAGES = {"gold": ("main", "partners"), "silver": ("internal",)}
REFUSALS = {
    "expired": KeyExpired,
    "retired": KeyRetired,
    "revoked": KeyRevoked,
    "unheard-of": KeyUnknown,
    "elsewhere": WrongStage,
    "planless": WrongStage,
}


def table(*entries):
    return KeyTable().follow({piece.slug: piece for piece in keys(*entries)})


@pytest.fixture
def known():
    return table(
        key("good", "acme", "gold"),
        key("graced", "acme", "gold", grace_until_ms=NOW_MS + 1),
        key("expired", "acme", "gold", expires_at_ms=NOW_MS),
        key("retired", "acme", "gold", grace_until_ms=NOW_MS),
        key("revoked", "acme", "gold", revoked=True, expires_at_ms=1, grace_until_ms=1),
        key("elsewhere", "acme", "silver"),
        key("planless", "acme"),
    )


@pytest.mark.parametrize("secret", ["good", "graced"])
def test_a_key_that_works_says_whose_it_is_and_which_plan_opens_the_stage(known, secret):
    identity = identify(known, STAGES, secret.encode(), "main", NOW_MS)
    assert (identity.key.consumer, identity.plan) == ("acme", "gold")


@pytest.mark.parametrize(("secret", "refusal"), sorted(REFUSALS.items()))
def test_each_key_that_does_not_work_is_told_why(known, secret, refusal):
    with pytest.raises(refusal):
        identify(known, STAGES, secret.encode(), "main", NOW_MS)


@pytest.mark.parametrize("secret", [None, b""])
def test_without_a_key_it_is_said_where_to_put_it(known, secret):
    with pytest.raises(KeyMissing) as refused:
        identify(known, STAGES, secret, "main", NOW_MS)
    assert "X-API-Key" in refused.value.detail
    assert refused.value.fields[0][0] == b"www-authenticate"


def test_every_refusal_has_a_type_of_its_own_and_a_challenge_when_another_key_would_do():
    kinds = {KeyMissing, *REFUSALS.values()}
    assert len({kind.kind for kind in kinds}) == len(kinds)
    assert {kind.status for kind in kinds if kind is not WrongStage} == {401}
    assert (WrongStage.status, WrongStage("").fields) == (403, [])


def test_no_refusal_repeats_the_key():
    for state in ({"revoked": True}, {"expires_at_ms": 1}, {"grace_until_ms": 1}, {}):
        with pytest.raises(NotAdmitted) as refused:
            identify(
                table(key("prefix-and-the-secret-part", **state)), STAGES, b"prefix-and-the-secret-part", "main", 2
            )
        assert "and-the-secret-part" not in str(refused.value.document())


def test_of_two_plans_each_opens_its_own_stage():
    holder = table(key("good", "acme", "gold", "silver")).find(b"good")
    assert [plan_of(holder, STAGES, stage) for stage in ("main", "internal", "none")] == ["gold", "silver", ""]


def test_where_no_key_is_needed_only_a_valid_one_says_anything(known):
    assert recognise(known, b"good", NOW_MS).consumer == "acme"
    assert [recognise(known, secret, NOW_MS) for secret in (b"revoked", b"expired", b"unheard-of", None)] == [None] * 4


def test_a_newer_table_reads_only_the_pieces_that_changed():
    first, second = keys(key("one", "acme"), key("two", "acme"))
    before = KeyTable().follow({first.slug: first, second.slug: second})
    assert before.follow({first.slug: first, second.slug: second}) is before

    class Unreadable:
        digest = first.digest

        @property
        def body(self):
            raise AssertionError("an unchanged piece was read again")

    (changed,) = keys(key("two", "other"))
    after = before.follow({first.slug: Unreadable(), changed.slug: changed})
    assert (after.find(b"one").consumer, after.find(b"two").consumer) == ("acme", "other")
    assert before.find(b"two").consumer == "acme", "a table never changes under a request"


def test_a_piece_that_is_gone_takes_its_keys_along():
    first, second = keys(key("one", "acme"), key("two", "acme"))
    both = KeyTable().follow({first.slug: first, second.slug: second})
    one = both.follow({first.slug: first})
    assert (len(both), len(one), one.find(b"two")) == (2, 1, None)
