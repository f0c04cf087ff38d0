"""Changing configuration: one lock, one audit entry, one revision, one version."""

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError

from controlplane.audit.models import AuditEntry
from controlplane.config.commit import change, current_revision, current_revisions
from controlplane.config.models import ConfigPiece, ConfigVersion, Revision
from controlplane.config.publish import prune
from tests.controlplane.groups import ANNA, add, document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("groups_compiled", "no_valkey")]


def test_a_change_leaves_one_audit_entry_one_revision_and_one_version() -> None:
    made = add("night-shift", reason="more hands")

    entry = AuditEntry.objects.get()
    assert (entry.by, entry.action, entry.subject, entry.reason) == (
        "anna",
        "group.create",
        "group:night-shift",
        "more hands",
    )
    assert entry.before is None
    assert entry.after == {"slug": "night-shift", "permissions": []}
    assert Revision.objects.get().body == entry.after
    version = ConfigVersion.objects.get()
    assert version.number == made.version == 1
    assert set(version.manifest) == {
        f"group/{slug}" for slug in ("admin", "night-shift", "operator", "service", "viewer")
    }


def test_versions_share_the_pieces_that_did_not_change() -> None:
    add("night-shift")
    before = ConfigPiece.objects.count()
    add("day-shift")
    assert ConfigPiece.objects.count() == before + 1
    assert ConfigVersion.objects.count() == 2


def test_what_compiles_to_the_same_makes_no_new_version() -> None:
    first = add("night-shift")
    with change(by=ANNA, action="group.note", subject="group:night-shift") as made:
        made.note({"note": ""}, {"note": "not compiled"})
    assert made.version == first.version == ConfigVersion.objects.count()
    assert AuditEntry.objects.count() == 2


def test_a_change_that_changes_nothing_is_not_recorded() -> None:
    add("night-shift")
    with change(by=ANNA, action="group.put", subject="group:night-shift") as made:
        same = document(Group.objects.get(name="night-shift"))
        made.note(same, dict(same))
    assert made.unchanged
    assert made.revision == 1
    assert AuditEntry.objects.count() == Revision.objects.count() == 1


def test_a_change_that_fails_leaves_nothing_behind() -> None:
    add("x")
    with pytest.raises(IntegrityError):
        add("x")
    assert AuditEntry.objects.count() == Revision.objects.count() == ConfigVersion.objects.count() == 1


def test_revisions_count_per_noun_and_go_on_after_a_deletion() -> None:
    add("night-shift")
    add("day-shift")
    with change(by=ANNA, action="group.delete", subject="group:night-shift") as made:
        made.note({"slug": "night-shift"}, None)
    assert made.revision == 2
    assert current_revision("group", "night-shift") == 2
    assert current_revisions("group") == {"night-shift": 2, "day-shift": 1}
    assert Revision.objects.get(slug="night-shift", number=2).body is None


def test_an_act_on_one_noun_may_revise_another() -> None:
    with change(by=ANNA, action="override.set", subject="target:catalog", revises="override:catalog") as made:
        made.note(None, {"state": "FORCED_OPEN"})
    assert AuditEntry.objects.get().subject == "target:catalog"
    assert current_revision("override", "catalog") == 1
    assert current_revision("target", "catalog") == 0


def test_pruning_keeps_the_newest_versions_and_the_pieces_that_they_name() -> None:
    for number in range(5):
        add(f"shift-{number}")
    Group.objects.filter(name="shift-0").delete()
    add("shift-5")
    assert prune(keep=1) == 5
    newest = ConfigVersion.objects.get()
    assert newest.number == 6
    assert set(ConfigPiece.objects.values_list("digest", flat=True)) == set(newest.manifest.values())
