"""Bodies of intents are forgotten when their time has come; ids, ends and keys are not."""

from datetime import UTC, datetime, timedelta

import pytest

from compositions.intake.ids import new_id
from compositions.intake.rows import Offer, kept
from compositions.models import Intent, Pipe
from compositions.operations.purging import purge

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def intent(status: str = "SUCCEEDED", *, days: float | None = 40, pipe: str = "onboarding", key: str = "") -> str:
    ended_at = None if days is None else NOW - timedelta(days=days)
    fields = {"key_hash": key, "fingerprint": "print", "body": '{"a": 1}', "headers": '{"x-campaign": "spring"}'}
    row = Intent(id=new_id(), pipe=pipe, status=status, accepted_at=NOW, ended_at=ended_at, **fields)
    row.save(force_insert=True)
    return row.pk


def left() -> set[str]:
    return set(Intent.objects.exclude(body="").values_list("pk", flat=True))


def test_what_ended_long_ago_is_forgotten_and_its_key_is_not() -> None:
    Pipe.objects.create(slug="onboarding", target="onboard", retention_days=30)
    Pipe.objects.create(slug="brief", target="onboard", retention_days=1)
    old, brief = intent(key="k"), intent(days=2, pipe="brief")
    stays = {intent(days=20), intent("DEAD"), intent("RUNNING", days=None), intent(days=20, pipe="gone")}
    gone = intent(days=31, pipe="gone")
    assert purge(NOW) == 3
    assert left() == stays
    assert {row.purged_at for row in Intent.objects.filter(pk__in=[old, brief, gone])} == {NOW}
    known = kept(Offer(pipe="onboarding", body="", key_hash="k"))
    assert known == (old, "print")
    assert purge(NOW) == 0


def test_a_run_forgets_no_more_than_it_is_told() -> None:
    for _ in range(3):
        intent()
    assert purge(NOW, most=1) >= 1
