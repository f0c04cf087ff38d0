"""Journeys and routes in the back office: the same operations, the same refusals."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from breakers.documents.journeys import document as journey_document
from breakers.models import Journey, Target
from breakers.operations import targets
from compositions.documents.routes import document as route_document
from compositions.models import Route
from compositions.operations import routes
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal

SYSTEM = Principal.system("test")
Form = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def catalog(db: None) -> Target:
    return targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)[0]


def test_a_journey_is_registered_with_its_targets_and_messages(office: Client, form_of: Form, catalog: Target) -> None:
    add = "/admin/breakers/journey/add/"
    sent = form_of(office.get(add), slug="reading", title="Reading", severity="info", reason="new")
    sent |= {"steps-TOTAL_FORMS": 1, "steps-0-target": catalog.pk, "steps-0-position": 1}
    sent |= {"messages-TOTAL_FORMS": 1, "messages-0-language": "en", "messages-0-text": "Soon."}
    assert office.post(add, sent).status_code == 302
    expected = {
        "slug": "reading",
        "title": "Reading",
        "targets": ["catalog"],
        "severity": "info",
        "messages": {"en": "Soon."},
        "raise_at_age_s": None,
        "raise_at_backlog": None,
        "clear_on": "close",
    }
    journey = Journey.objects.get()
    assert journey_document(journey) == expected
    address = f"/admin/breakers/journey/{journey.pk}/change/"
    assert office.post(address, form_of(office.get(address))).status_code == 302
    assert journey_document(Journey.objects.get()) == expected
    odd = form_of(office.get(address), **{"messages-0-language": "english"})
    assert office.post(address, odd).status_code == 200


def test_a_route_is_made_moved_and_deleted(office: Client, form_of: Form, catalog: Target) -> None:
    add = "/admin/compositions/route/add/"
    sent = form_of(office.get(add), slug="article", methods="GET, POST", path="/articles/{id}", target=catalog.pk)
    assert office.post(add, sent).status_code == 302
    route = Route.objects.get()
    document = route_document(route)
    assert (document["methods"], document["cache"]["vary_query"]) == (["GET", "POST"], None)
    address = f"/admin/compositions/route/{route.pk}/change/"
    assert office.post(address, form_of(office.get(address), integration_path="/v2/{id}")).status_code == 302
    assert route_document(routes.find("article"))["integration"]["path"] == "/v2/{id}"
    assert (
        office.post(f"/admin/compositions/route/{route.pk}/delete/", {"post": "yes", "reason": "gone"}).status_code
        == 302
    )
    entries = AuditEntry.objects.filter(subject="route:article").order_by("number")
    assert list(entries.values_list("action", flat=True)) == ["route.put", "route.put", "route.delete"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"path": "/{rest+}/a"}, "path"),
        ({"path": "/taken/{other}"}, "path"),
        ({"methods": "get"}, "methods"),
        ({"integration_path": "/{slug}"}, "integration_path"),
    ],
    ids=str,
)
def test_a_malformed_route_is_refused_at_its_field(
    office: Client, form_of: Form, catalog: Target, changes: dict[str, Any], field: str
) -> None:
    integration = {"type": "target", "target": "catalog"}
    routes.put("taken", {"path": "/taken/{id}", "integration": integration}, by=SYSTEM)
    add = "/admin/compositions/route/add/"
    good = {"slug": "article", "methods": "GET", "path": "/articles/{id}", "target": catalog.pk}
    refused = office.post(add, form_of(office.get(add), **{**good, **changes}))
    assert refused.status_code == 200
    assert list(refused.context["adminform"].form.errors) == [field]
