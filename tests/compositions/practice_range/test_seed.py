"""Seeding configures the range through operations, once, and never undoes what an operator did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from breakers import capacity
from breakers.core import api_keys
from breakers.models import ApiKey, Consumer, Journey, RequestRule, Target, UsagePlan
from breakers.operations import consumers, targets
from compositions import advice
from compositions.models import Composition, Route
from compositions.operations import routes
from compositions.practice_range import partners, workflows
from compositions.practice_range.addresses import SLUGS, Addresses
from compositions.practice_range.seed import JOURNEYS, ROUTES, TAG, seed
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal

pytestmark = pytest.mark.django_db

DEMO = Principal.system("practice range")
HERE = Addresses(port=18_000)


def test_every_part_of_the_range_is_configured() -> None:
    seed(DEMO, HERE)
    assert set(Target.objects.values_list("slug", flat=True)) == set(SLUGS)
    assert set(Journey.objects.values_list("slug", flat=True)) == set(JOURNEYS)
    assert set(Route.objects.values_list("slug", flat=True)) == set(ROUTES)
    for target in Target.objects.all():
        assert target.base_url == HERE.url_of(target.slug)
        assert all((target.owner, target.team, target.contact, target.runbook_url, target.status_page_url))
        assert TAG in target.tags


def test_search_begins_at_the_monolith_and_moves_by_enabling_one_route() -> None:
    seed(DEMO, HERE)
    search = Route.objects.get(slug="search")
    assert (search.enabled, search.target.slug) == (False, "search")
    rest = Route.objects.get(slug="everything-else")
    assert rest.target.slug == "monolith"
    # The lowest number is taken first.
    assert rest.priority > max(Route.objects.exclude(slug=rest.slug).values_list("priority", flat=True))


def test_a_partner_has_a_key_that_whoever_runs_the_demo_can_read(settings: Any, tmp_path: Path) -> None:
    settings.DEMO_KEY = tmp_path / "demo-key"
    seed(DEMO, HERE)
    assert dict(RequestRule.objects.values_list("slug", "action")) == dict.fromkeys(partners.RULES, "count")
    assert set(UsagePlan.objects.values_list("slug", flat=True)) == set(partners.PLANS)
    key = ApiKey.objects.get()
    assert (key.consumer.slug, [plan.slug for plan in key.plans.all()]) == (partners.PARTNER, ["gold"])
    assert key.hash == api_keys.digest(settings.DEMO_KEY.read_text())
    assert settings.DEMO_KEY.stat().st_mode & 0o077 == 0


def test_one_route_needs_a_key_and_nothing_seeded_is_a_warning(valkey: str) -> None:
    seed(DEMO, HERE)
    assert [route.slug for route in Route.objects.filter(api_key_required=True)] == [partners.FEED]
    assert [found.sentence for found in capacity.findings() if found.severity == "warning"] == []


def test_compositions_are_seeded_with_their_routes_and_nothing_is_found_against_them() -> None:
    seed(DEMO, HERE)
    found = {row.slug: advice.warnings(row) for row in Composition.objects.all()}
    of_any_target = found.pop("circuit-breaker")
    assert [finding.code for finding in of_any_target] == ["undeclared_target"], "its caller names the target"
    assert found == {slug: [] for slug in workflows.COMPOSITIONS if slug != "circuit-breaker"}
    for slug in workflows.ROUTES:
        route = Route.objects.get(slug=slug)
        assert (route.composition or route.pipe).slug == workflows.ROUTES[slug]["integration"][route.integration_type]


def test_a_partner_whose_keys_were_deleted_gets_no_new_one(settings: Any) -> None:
    seed(DEMO, HERE)
    ApiKey.objects.all().delete()
    consumers.patch(partners.PARTNER, {"title": "Ours now"}, by=DEMO)
    seed(DEMO, HERE)
    assert not ApiKey.objects.exists()
    assert Consumer.objects.get().title == "Ours now"


def test_a_second_run_changes_nothing() -> None:
    seed(DEMO, HERE)
    entries = AuditEntry.objects.count()
    seed(DEMO, HERE)
    assert AuditEntry.objects.count() == entries


def test_what_an_operator_changed_stays_changed() -> None:
    seed(DEMO, HERE)
    routes.patch("search", {"enabled": True}, by=DEMO, reason="cut over")
    targets.patch("payment", {"timeout_ms": 777}, by=DEMO, reason="slower provider")
    seed(DEMO, HERE)
    assert Route.objects.get(slug="search").enabled
    assert Target.objects.get(slug="payment").timeout_ms == 777


def test_the_ranges_targets_follow_it_to_other_ports_and_keep_their_settings() -> None:
    seed(DEMO, HERE)
    targets.patch("payment", {"timeout_ms": 777}, by=DEMO, reason="slower provider")
    targets.patch("loyalty", {"tags": []}, by=DEMO, reason="ours now")
    elsewhere = Addresses(port=19_000)
    seed(DEMO, elsewhere)
    payment = Target.objects.get(slug="payment")
    assert (payment.base_url, payment.timeout_ms) == (elsewhere.url_of("payment"), 777)
    assert payment.runbook_url.startswith(elsewhere.control_url)
    assert Target.objects.get(slug="loyalty").base_url == HERE.url_of("loyalty")
