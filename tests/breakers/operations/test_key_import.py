"""Importing keys: a dry run says what would be done, and the import does all of it or nothing."""

import pytest

from breakers.core import api_keys
from breakers.core.key_files import LineProblem
from breakers.models import ApiKey, Consumer
from breakers.operations import consumers, keys, plans
from breakers.operations.key_import import ImportReport, import_csv
from controlplane.audit.models import AuditEntry
from controlplane.config.models import ConfigVersion
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Invalid

ONE, TWO, THREE = (f"apikey{number}234abcdefghij0123456789" for number in (1, 2, 3))
FILE = f"""Name,key,description,Enabled,usageplanIds
Acme Shop,{ONE},An imported key,TRUE,c7y23b
Beta_Team,{TWO},,TRUE,"gold"
Gone,{THREE},,FALSE,nothing
"""

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture(autouse=True)
def gold(root: Principal) -> None:
    plans.put("gold", {"rate": 10}, by=root)
    plans.put("silver", {"rate": 5}, by=root)


def codes(report: ImportReport) -> list[tuple[int, str, str]]:
    return [(found.line, found.column, found.code) for found in report.problems]


def test_a_dry_run_says_everything_and_does_nothing(root: Principal) -> None:
    versions = ConfigVersion.objects.count()
    report = import_csv(FILE, dry_run=True, by=root)
    assert codes(report) == [(2, "UsagePlanIds", "unknown")]
    assert report.unknown_plans == ["c7y23b"]
    assert (report.keys, report.new_consumers) == (2, ["acme-shop", "beta-team"])
    assert [(found.line, found.code) for found in report.notices] == [(4, "disabled")]
    assert (ApiKey.objects.count(), Consumer.objects.count(), ConfigVersion.objects.count()) == (0, 0, versions)


def test_an_import_with_a_fault_in_one_line_does_nothing(root: Principal) -> None:
    report = import_csv(FILE, dry_run=False, by=root, reason="move")
    assert report.problems
    assert report.ids == []
    assert (ApiKey.objects.count(), Consumer.objects.count()) == (0, 0)
    assert not AuditEntry.objects.filter(action="key.import").exists()


def test_keys_are_imported_with_their_consumers_plans_and_one_audit_entry(root: Principal) -> None:
    versions = ConfigVersion.objects.count()
    report = import_csv(FILE, dry_run=False, by=root, reason="move from AWS", plans={"c7y23b": "silver"})
    assert report.problems == []
    assert len(report.ids) == 2
    rows = {row.hash: row for row in keys.rows()}
    one, two = rows[api_keys.digest(ONE)], rows[api_keys.digest(TWO)]
    assert (one.consumer.slug, one.title, [plan.slug for plan in one.plans.all()]) == (
        "acme-shop",
        "Acme Shop: An imported key",
        ["silver"],
    )
    assert (two.consumer.slug, two.consumer.title, [plan.slug for plan in two.plans.all()]) == (
        "beta-team",
        "Beta_Team",
        ["gold"],
    )
    entry = AuditEntry.objects.get(action="key.import")
    assert (entry.by, entry.reason) == ("root", "move from AWS")
    assert one.id in entry.after_json
    assert ONE not in entry.after_json
    assert ConfigVersion.objects.count() == versions + 1


def test_all_keys_of_a_file_can_belong_to_one_consumer(root: Principal) -> None:
    consumers.put("acme", {}, by=root)
    report = import_csv(f"Name,Key\nA,{ONE}\nB,{TWO}\n", dry_run=False, by=root, reason="move", consumer="acme")
    assert (len(report.ids), report.new_consumers) == (2, [])
    assert {row.consumer.slug for row in keys.rows()} == {"acme"}
    with pytest.raises(Invalid):
        import_csv(FILE, dry_run=True, by=root, consumer="nobody")


def test_a_name_finds_the_consumer_that_has_it_as_title(root: Principal) -> None:
    consumers.put("acme", {"title": "Acme Shop"}, by=root)
    report = import_csv(f"Name,Key\nAcme Shop,{ONE}\n", dry_run=True, by=root)
    assert report.new_consumers == []


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (f'App,{ONE},"gold,silver"', "UsagePlanIds", "conflict"),
        (f"App,{ONE},bronze", "UsagePlanIds", "unknown"),
        (f"!!!,{ONE},gold", "Name", "invalid"),
        (f"App,{TWO},gold", "Key", "exists"),
    ],
)
def test_what_contradicts_what_is_registered_is_told_by_line(
    root: Principal, line: str, column: str, code: str
) -> None:
    consumers.put("acme", {}, by=root)
    keys.create("acme", {"key": TWO}, by=root)
    report = import_csv(f"Name,Key,UsagePlanIds\n{line}\n", dry_run=True, by=root)
    assert codes(report) == [(2, column, code)]


def test_a_long_description_is_cut_and_said_so(root: Principal) -> None:
    report = import_csv(f"Name,Key,Description\nApp,{ONE},{'x' * 300}\n", dry_run=False, by=root, reason="move")
    assert [found.code for found in report.notices] == ["cut"]
    assert len(keys.find(report.ids[0]).title) == 200


def test_importing_the_same_file_again_names_the_keys(root: Principal) -> None:
    text = f"Name,Key\nApp,{ONE}\n"
    (key_id,) = import_csv(text, dry_run=False, by=root, reason="move").ids
    (found,) = import_csv(text, dry_run=False, by=root, reason="move").problems
    assert isinstance(found, LineProblem)
    assert key_id in found.message


def test_an_import_needs_a_reason(root: Principal) -> None:
    with pytest.raises(Invalid):
        import_csv(FILE, dry_run=False, by=root)
