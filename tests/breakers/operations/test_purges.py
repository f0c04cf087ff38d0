"""A purge has a reason, is audited, travels in the configuration, and joins others before there are too many."""

from datetime import timedelta

import pytest

from breakers.core.purges import Mark
from breakers.models import Purge, Target
from breakers.operations import purges, targets
from controlplane.audit.models import AuditEntry
from controlplane.config import reading
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Invalid, NotFound

pytestmark = pytest.mark.usefixtures("valkey", "catalog")


def marks() -> list[dict]:
    _, manifest, fetch = reading.present()
    pieces = fetch(sorted(manifest.values())).values()
    return [mark for piece in pieces if piece.kind == "purge" for mark in piece.body["marks"]]


def test_a_purge_is_audited_and_compiled(ada: Principal) -> None:
    done = purges.purge({"target": "catalog"}, by=ada, reason="prices were wrong")
    assert (done.names, done.removed) == (["target:catalog"], 0)
    (mark,) = marks()
    assert mark["owner"] == "catalog"
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.action, entry.subject, entry.reason) == ("cache.purge", "target:catalog", "prices were wrong")


def test_a_later_purge_of_the_same_replaces_the_first(ada: Principal) -> None:
    first = purges.purge({"target": "catalog"}, by=ada, reason="one")
    (before,) = marks()
    second = purges.purge({"target": "catalog"}, by=ada, reason="two")
    (after,) = marks()
    assert after["at_ms"] > before["at_ms"]
    assert second.version > first.version


def test_a_tag_is_of_targets_and_of_answers(ada: Principal, root: Principal) -> None:
    targets.put("search", {"base_url": "http://127.0.0.1:9002", "tags": ["News"]}, by=root)
    done = purges.purge({"tag": "News"}, by=ada, reason="new front page")
    assert done.names == ["tag:news", "target:search"]


def test_values_of_headers_reach_neither_audit_nor_configuration(ada: Principal) -> None:
    key = {
        "target": "catalog",
        "path": "/me",
        "query": "a=1",
        "headers": {"Authorization": "Bearer hush", "X-No": None},
    }
    done = purges.purge({"key": key}, by=ada, reason="asked to")
    assert done.names == ["target:catalog /me?a=1"]
    (mark,) = marks()
    assert (mark["path"], mark["query"], sorted(mark["headers"])) == ("/me", "a=1", ["authorization", "x-no"])
    entry = AuditEntry.objects.order_by("-number")[0]
    assert "hush" not in entry.after_json + str(mark)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({}, "target"),
        ({"target": "catalog", "tag": "x"}, "target"),
        ({"key": {"target": "catalog"}}, "key.path"),
        ({"key": {"target": "catalog", "path": "no-slash"}}, "key.path"),
        ({"key": {"target": "catalog", "path": "/a?b"}}, "key.path"),
        ({"key": {"path": "/a"}}, "key.target"),
        ({"key": {"target": "catalog", "path": "/", "method": "POST"}}, "key.method"),
    ],
)
def test_what_is_purged_is_said_clearly(ada: Principal, wanted: dict, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        purges.purge(wanted, by=ada, reason="why not")
    assert path in [problem.path for problem in refused.value.problems]


def test_a_reason_is_needed_and_the_noun_must_exist(ada: Principal) -> None:
    with pytest.raises(Invalid):
        purges.purge({"target": "catalog"}, by=ada, reason=" ")
    with pytest.raises(NotFound):
        purges.purge({"target": "nothing"}, by=ada, reason="why not")
    with pytest.raises(NotFound):
        purges.purge({"key": {"route": "nothing", "path": "/"}}, by=ada, reason="why not")


def test_too_many_purges_become_one_of_everything_before_the_oldest(ada: Principal) -> None:
    now = clock.now()
    Purge.objects.bulk_create(
        Purge(
            name=f"{number}",
            at=now - timedelta(seconds=2000 - number),
            bounded=False,
            mark={"at_ms": number, "owner": "", "tag": f"t{number}", "path": "", "query": None, "headers": {}},
        )
        for number in range(purges.MOST)
    )
    purges.purge({"tag": "news"}, by=ada, reason="busy")
    found = {(mark["owner"], mark["tag"], mark["at_ms"]) for mark in marks()}
    assert ("", "", 100) in found
    assert len(found) == purges.MOST + 1 - 101 + 1
    assert ("", "t101", 101) in found


def test_a_purge_with_the_store_away_is_in_force_all_the_same(ada: Principal, settings, catalog: Target) -> None:
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    done = purges.purge({"target": "catalog"}, by=ada, reason="wrong prices")
    assert done.removed is None
    assert [mark["owner"] for mark in marks()] == [Mark(0, "catalog").owner]
