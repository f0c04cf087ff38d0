"""The audit's hash chain."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from controlplane.audit.chain import record, verify
from controlplane.audit.models import AppendOnly, AuditChain, AuditEntry
from controlplane.kernel.access import Principal

pytestmark = pytest.mark.django_db
ANNA = Principal("anna", "user", 1)


@pytest.fixture
def three_entries() -> None:
    for number in range(3):
        record(
            action="target.update",
            subject="target:catalog",
            by=ANNA,
            before={"timeout_ms": number, "share": 1e16, "title": "Über"},
            after={"timeout_ms": number + 1, "share": 0.1},
            reason=f"step {number}",
        )


def tamper(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.mark.usefixtures("three_entries")
def test_an_untouched_chain_holds() -> None:
    verdict = verify()
    assert (verdict.ok, verdict.entries) == (True, 3)
    call_command("verify_audit")


@pytest.mark.usefixtures("three_entries")
@pytest.mark.parametrize("column", ["by", "action", "subject", "reason", "before_json", "after_json", "request_id"])
def test_a_changed_field_breaks_it_at_that_entry(column: str) -> None:
    tamper(f'UPDATE audit_auditentry SET "{column}" = %s WHERE number = 2', "forged")
    assert verify().broken == 2


@pytest.mark.usefixtures("three_entries")
def test_a_changed_time_breaks_it() -> None:
    tamper("UPDATE audit_auditentry SET at = %s WHERE number = 3", "2020-01-01 00:00:00+00:00")
    assert verify().broken == 3


@pytest.mark.usefixtures("three_entries")
def test_an_entry_taken_out_of_the_middle_shows() -> None:
    tamper("DELETE FROM audit_auditentry WHERE number = 2")
    assert (verify().broken, verify().why) == (2, "entry 2 is missing")


@pytest.mark.usefixtures("three_entries")
def test_entries_cut_off_at_the_end_show() -> None:
    tamper("DELETE FROM audit_auditentry WHERE number = 3")
    assert verify().broken == 3


@pytest.mark.usefixtures("three_entries")
def test_a_rehashed_entry_still_breaks_the_next() -> None:
    tamper("UPDATE audit_auditentry SET hash = %s WHERE number = 2", "0" * 64)
    assert verify().broken == 2


@pytest.mark.usefixtures("three_entries")
def test_the_command_names_the_first_broken_entry() -> None:
    tamper("UPDATE audit_auditentry SET reason = 'forged' WHERE number >= 2")
    with pytest.raises(CommandError, match="entry 2") as failure:
        call_command("verify_audit")
    assert failure.value.returncode == 1


@pytest.mark.usefixtures("three_entries")
def test_entries_are_neither_changed_nor_deleted() -> None:
    entry = AuditEntry.objects.get(number=1)
    entry.reason = "forged"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(reason="forged"),
        lambda: AuditEntry.objects.bulk_update([entry], ["reason"]),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert verify().ok


def test_an_empty_audit_holds() -> None:
    assert verify().ok
    AuditChain.objects.create(number=3)
    assert not verify().ok
