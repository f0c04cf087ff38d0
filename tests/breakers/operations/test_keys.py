"""Keys are made, rotated and revoked; they are shown once, and nothing that is kept gives them away."""

import json
from datetime import timedelta
from typing import Any

import pytest

from breakers.compiling import key_pieces
from breakers.core import api_keys
from breakers.documents.keys import document
from breakers.models import ApiKey
from breakers.operations import consumers, keys, plans, stages
from controlplane.audit.models import AuditEntry
from controlplane.config.models import ConfigPiece, ConfigVersion, Revision
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import to_ms
from controlplane.kernel.errors import Conflict, Invalid, NotFound

GIVEN = "apikey1234abcdefghij0123456789"

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture(autouse=True)
def acme(root: Principal) -> None:
    consumers.put("acme", {"title": "Acme"}, by=root)
    stages.put("beta", {"base_path": "/beta"}, by=root)
    plans.put("gold", {"rate": 10}, by=root)
    plans.put("silver", {"rate": 5}, by=root)
    plans.put("trial", {"rate": 1, "stages": ["beta"]}, by=root)


def make(by: Principal, **data: Any) -> tuple[ApiKey, str]:
    return keys.create("acme", {"plans": ["gold"], **data}, by=by)


def lapse(key: ApiKey, **fields: Any) -> None:
    """The key as it would be later."""
    ApiKey.objects.filter(pk=key.pk).update(**fields)


def test_a_key_is_known_by_its_prefix_and_kept_as_its_hash(root: Principal) -> None:
    row, secret = make(root, title="Website", tags=["web"])
    assert secret.startswith("sgk_")
    assert len(secret) == 45
    assert (row.prefix, row.hash) == (secret[:12], api_keys.digest(secret))
    assert {"plans": ["gold"], "state": "works", "title": "Website"}.items() <= document(row).items()
    assert make(root)[1] != secret


def test_nothing_that_is_kept_or_published_holds_a_key(root: Principal) -> None:
    row, secret = make(root)
    _, successor = keys.rotate(row.id, 60, by=root, reason="yearly")
    keys.create("acme", {"key": GIVEN}, by=root)
    keys.revoke(row.id, by=root, reason="leaked")
    kept = [
        *AuditEntry.objects.values_list("before_json", "after_json", "reason"),
        *Revision.objects.values_list("body", "reason"),
        *ConfigPiece.objects.values_list("body"),
        *ConfigVersion.objects.values_list("subject", "action"),
        *ApiKey.objects.values(),
    ]
    text = json.dumps(kept, default=str)
    assert row.id in text
    for known in (secret, successor, GIVEN):
        assert known not in text
        assert known[12:] not in text


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("a1b2c3d4e5f6g7h8i9j", "length"),
        ("ab1" * 43, "length"),
        ("apikey1234 abcdefghij0123456789", "characters"),
        ("apikey1234äbcdefghij0123456789", "characters"),
        ("apikey1234\tbcdefghij0123456789", "characters"),
        ("a" * 40, "guessable"),
    ],
)
def test_a_given_key_that_cannot_be_a_key_is_refused_without_repeating_it(
    root: Principal, given: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        keys.create("acme", {"key": given}, by=root)
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("key", code)
    assert given not in str(refused.value.document())


@pytest.mark.parametrize("length", [20, 128])
def test_a_given_key_of_an_allowed_length_is_taken_as_it_is(root: Principal, length: int) -> None:
    given = ("Ab1~!" * 26)[:length]
    row, secret = keys.create("acme", {"key": given}, by=root)
    assert secret == given
    assert row.hash == api_keys.digest(given)
    assert len(row.prefix) <= 6


def test_the_same_key_is_not_registered_twice(root: Principal) -> None:
    row, _ = keys.create("acme", {"key": GIVEN}, by=root)
    with pytest.raises(Conflict, match=f"{row.id} of consumer acme"):
        keys.create("acme", {"key": GIVEN}, by=root)


def test_two_plans_of_one_stage_are_refused_by_name(root: Principal) -> None:
    with pytest.raises(Invalid) as refused:
        make(root, plans=["gold", "trial", "silver"])
    (problem,) = refused.value.problems
    assert problem.message == "Plans gold and silver both open stage main; a key has one plan for each stage."
    row, _ = make(root, plans=["gold", "trial"])
    assert document(row)["plans"] == ["gold", "trial"]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"plans": ["gold", "nothing"]}, "plans[1]"),
        ({"plans": "gold"}, "plans"),
        ({"tags": ["a,b"]}, "tags[0]"),
        ({"expires_at": 5}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"colour": "red"}, "colour"),
        ({"key": ""}, "key"),
    ],
    ids=str,
)
def test_a_malformed_key_is_refused_with_its_path(root: Principal, data: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        make(root, **data)
    assert [problem.path for problem in refused.value.problems] == [path]


def test_a_patch_changes_what_it_names_and_null_goes_back_to_the_default(root: Principal) -> None:
    row, _ = make(root, title="Website", tags=["web"], expires_at="2099-01-01T00:00:00Z")
    changed = keys.patch(row.id, {"title": "Shop", "plans": ["silver"]}, by=root)
    assert {
        "title": "Shop",
        "tags": ["web"],
        "plans": ["silver"],
        "expires_at": "2099-01-01T00:00:00.000Z",
    }.items() <= (document(changed).items())
    emptied = document(keys.patch(row.id, {"tags": None, "expires_at": None}, by=root))
    assert (emptied["tags"], emptied["expires_at"]) == ([], None)
    with pytest.raises(Invalid):
        keys.patch(row.id, {"expires_at": "2020-01-01T00:00:00Z"}, by=root)


def test_the_title_of_an_expired_key_can_be_changed(root: Principal) -> None:
    row, _ = make(root)
    lapse(row, expires_at=clock.now() - timedelta(days=1))
    assert document(keys.patch(row.id, {"title": "old"}, by=root))["state"] == "expired"


def test_after_a_rotation_both_keys_work_until_the_grace_is_over(root: Principal) -> None:
    row, secret = make(root, title="Website", plans=["gold", "trial"], expires_at="2099-01-01T00:00:00Z")
    new, other = keys.rotate(row.id, 3600, by=root, reason="yearly")
    old = keys.find(row.id)
    assert other != secret
    assert (document(old)["state"], document(new)["state"]) == ("grace", "works")
    assert (document(old)["successor"], document(new)["predecessor"]) == (new.id, old.id)
    for name in ("consumer", "title", "plans", "expires_at"):
        assert document(new)[name] == document(old)[name]
    assert old.grace_until is not None
    assert document(old, old.grace_until)["state"] == "rotated"
    assert timedelta(minutes=59) < old.grace_until - clock.now() <= timedelta(hours=1)


def test_rotations_follow_each_other_while_older_keys_are_still_in_grace(root: Principal) -> None:
    first, _ = make(root)
    second, _ = keys.rotate(first.id, 3600, by=root)
    third, _ = keys.rotate(second.id, 3600, by=root)
    assert [document(keys.find(key.id))["state"] for key in (first, second, third)] == ["grace", "grace", "works"]


def test_while_a_successor_works_a_second_rotation_names_it(root: Principal) -> None:
    row, _ = make(root)
    new, _ = keys.rotate(row.id, 3600, by=root)
    with pytest.raises(Conflict, match=new.id) as refused:
        keys.rotate(row.id, 3600, by=root)
    assert refused.value.extra == {"successor": new.id}
    keys.revoke(new.id, by=root, reason="it went to the wrong people")
    another, _ = keys.rotate(row.id, 3600, by=root)
    assert document(keys.find(row.id))["successor"] == another.id


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"revoked_at": timedelta(0)}, "is revoked"),
        ({"expires_at": -timedelta(days=1)}, "has expired"),
        ({"grace_until": -timedelta(days=1)}, "grace period is over"),
    ],
    ids=str,
)
def test_a_key_that_works_no_more_is_not_rotated(root: Principal, fields: dict[str, timedelta], words: str) -> None:
    row, _ = make(root)
    lapse(row, **{name: clock.now() + span for name, span in fields.items()})
    with pytest.raises(Conflict, match=words):
        keys.rotate(row.id, 60, by=root)
    assert ApiKey.objects.count() == 1


def test_a_grace_of_nothing_ends_the_old_key_at_once(root: Principal) -> None:
    row, _ = make(root)
    keys.rotate(row.id, 0, by=root)
    assert document(keys.find(row.id))["state"] == "rotated"
    for wrong in (-1, 91 * 86_400):
        with pytest.raises(Invalid):
            keys.rotate(row.id, wrong, by=root)


def test_a_revocation_needs_a_reason_and_stands_as_it_was_first_given(root: Principal) -> None:
    row, _ = make(root)
    with pytest.raises(Invalid):
        keys.revoke(row.id, by=root, reason=" ")
    first = keys.revoke(row.id, by=root, reason="leaked on a forum")
    again = keys.revoke(row.id, by=root, reason="again")
    assert (again.revoked_at, again.revoked_reason) == (first.revoked_at, "leaked on a forum")
    assert AuditEntry.objects.filter(action="key.revoke").count() == 1
    with pytest.raises(NotFound):
        keys.revoke("k0", by=root, reason="x")


def test_an_old_key_in_its_grace_can_be_revoked_while_its_successor_goes_on(root: Principal) -> None:
    row, _ = make(root)
    new, _ = keys.rotate(row.id, 3600, by=root)
    keys.revoke(row.id, by=root, reason="leaked")
    assert [document(keys.find(key.id))["state"] for key in (row, new)] == ["revoked", "works"]


def test_only_a_key_that_works_no_more_is_deleted_and_then_its_consumer_can_be(root: Principal) -> None:
    row, _ = make(root)
    with pytest.raises(Conflict):
        keys.delete(row.id, by=root, reason="tidy")
    with pytest.raises(Conflict, match=row.prefix):
        consumers.delete("acme", by=root)
    keys.revoke(row.id, by=root, reason="over")
    keys.delete(row.id, by=root, reason="tidy")
    consumers.delete("acme", by=root)


def test_a_form_that_is_sent_twice_makes_one_key(root: Principal) -> None:
    keys.create("acme", {}, by=root, key_id="k0123456789abcdef")
    with pytest.raises(Conflict, match="made already"):
        keys.create("acme", {}, by=root, key_id="k0123456789abcdef")
    assert ApiKey.objects.count() == 1


def test_a_key_travels_in_the_piece_that_its_hash_names(root: Principal) -> None:
    row, secret = make(root, plans=["trial", "gold"], expires_at="2099-01-01T00:00:00Z")
    (piece,) = key_pieces()
    assert (piece.kind, piece.slug) == ("keys", api_keys.digest(secret)[:2])
    assert piece.body == {
        "keys": [
            {
                "id": row.id,
                "hash": api_keys.digest(secret),
                "prefix": secret[:12],
                "consumer": "acme",
                "consumer_created_at_ms": to_ms(row.consumer.created_at),
                "plans": ["gold", "trial"],
                "expires_at_ms": 4_070_908_800_000,
                "grace_until_ms": None,
                "revoked": False,
            }
        ]
    }
    keys.revoke(row.id, by=root, reason="leaked")
    (piece,) = key_pieces()
    assert piece.body["keys"][0]["revoked"] is True


def test_one_key_changes_one_piece_of_the_configuration(root: Principal) -> None:
    rows = [make(root)[0] for _ in range(5)]
    before = ConfigVersion.objects.latest("number").manifest
    keys.revoke(rows[2].id, by=root, reason="leaked")
    after = ConfigVersion.objects.latest("number").manifest
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {f"keys/{rows[2].hash[:2]}"}
