"""Error pages, problem pages, API docs, and what the shell promises on every page."""

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from controlplane.dashboard.panels import Panel, panels

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.controlplane.groups")]
HTML = {"Accept": "text/html"}


class Clock(Panel):
    slug = "clock"
    title = "Clock"
    template = "problems/kind.html"
    order = 2

    def context(self, request: HttpRequest) -> dict[str, Any]:
        return {"problem": {"title": "half past nine"}}


class Secrets(Clock):
    slug = "secrets"
    order = 1
    act = "administer"


def test_a_fault_is_a_problem_for_programs_and_a_page_for_people(client: Client) -> None:
    client.raise_request_exception = False
    problem = client.get("/api/v1/broken", headers=HTML)
    assert (problem.status_code, problem["Content-Type"]) == (500, "application/problem+json")
    assert problem.json()["request_id"] == problem["X-Request-ID"]
    page = client.get("/broken", headers=HTML)
    assert (page.status_code, page["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert page["X-Request-ID"] in page.content.decode()


def test_a_missing_page_says_so(client: Client) -> None:
    assert client.get("/nothing", headers=HTML)["Content-Type"].startswith("text/html")
    assert client.get("/nothing", headers={"Accept": "application/json"}).json()["status"] == 404


def test_a_harmless_request_id_is_taken_over_and_another_is_not(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-12345"})["X-Request-ID"] == "abc-12345"
    assert client.get("/healthz", headers={"X-Request-ID": "a\tb" * 9})["X-Request-ID"] != "a\tb" * 9


def test_every_problem_type_leads_to_a_page(client: Client, settings: Any) -> None:
    settings.PROBLEM_MODULES = ["controlplane.kernel.errors"]
    page = client.get("/problems/precondition-failed")
    assert page.status_code == 200
    assert "If-Match" in page.content.decode()
    assert client.get("/problems/unheard-of").status_code == 404


def test_pages_carry_a_strict_content_security_policy(client: Client) -> None:
    policy = client.get("/login/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_api_docs_allow_inline_styles_and_no_inline_script(client: Client) -> None:
    answer = client.get("/api/docs/")
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert "'unsafe-inline'" in policy["style-src"]
    assert policy["script-src"] == "'self'"
    assert "<script>" not in answer.content.decode()


def test_the_schema_says_that_errors_are_problems(client: Client) -> None:
    schema = client.get("/api/schema/", headers={"Accept": "application/json"}).json()
    put = schema["paths"]["/api/v1/groups/{slug}"]["put"]
    assert "application/problem+json" in put["responses"]["default"]["content"]
    assert {"token": []} in put["security"]


def test_navigation_role_and_logout_are_on_every_page(logged_in: Any) -> None:
    page = logged_in("operator").get("/problems/conflict").content.decode()
    for words in ('href="/"', 'href="/audit/"', 'href="/admin/"', 'href="/api/docs/"', "operator", 'action="/logout/"'):
        assert words in page
    assert "hx-headers" in page
    assert "includeIndicatorStyles" in page


def test_panels_come_in_order_and_only_those_that_the_role_may_see(logged_in: Any, rf: Any, settings: Any) -> None:
    settings.DASHBOARD_PANELS = [f"{__name__}.Clock", f"{__name__}.Secrets"]
    client = logged_in("viewer")
    request = rf.get("/")
    request.user = client.get("/problems/conflict").context["user"]
    assert [panel.slug for panel in panels(request)] == ["clock"]
    page = client.get("/panels/clock").content.decode()
    fragment = client.get("/panels/clock", headers={"HX-Request": "true"}).content.decode()
    assert "half past nine" in page
    assert "half past nine" in fragment
    assert client.get("/panels/secrets").status_code == 404


def test_a_database_that_is_away_is_unavailable_and_not_a_fault(client: Client) -> None:
    client.raise_request_exception = False
    problem = client.get("/api/v1/away")
    assert (problem.status_code, problem["Retry-After"]) == (503, "5")
    assert problem.json()["type"] == "/problems/unavailable"
    page = client.get("/away", headers=HTML)
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "The database does not answer" in page.content.decode()
