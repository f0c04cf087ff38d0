"""Logging in: the page, the throttle, and the form that survives an expired login."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from controlplane.access.forms import MOST_BYTES, login_required_keeping_form, restored_form
from controlplane.access.views import client_address
from controlplane.kernel.access import require


@login_required_keeping_form
@require("operate")
def page(request: HttpRequest) -> HttpResponse:
    kept = restored_form(request)
    return HttpResponse(kept.urlencode() if kept else "empty")


@login_required_keeping_form
@require("operate")
def toggle(request: HttpRequest) -> HttpResponse:
    return HttpResponse("toggled")


urlpatterns = [
    path("", include("controlplane.access.urls")),
    path("", include("controlplane.dashboard.urls")),
    path("", include("controlplane.audit.urls")),
    path("circuit", page),
    path("circuit/toggle", toggle),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
PASSWORD = "correct horse battery"


def log_in(client: Client, next: str, password: str = PASSWORD) -> Any:
    return client.post("/login/", {"username": "a-operator", "password": password, "next": next})


def test_an_expired_login_returns_to_the_form_as_it_was_filled(client: Client, person: Any) -> None:
    person("operator")
    fields = {"state": "FORCED_OPEN", "reason": "provider asked", "password": "x", "csrfmiddlewaretoken": "y"}
    answer = client.post("/circuit/toggle", fields, headers={"Referer": "http://testserver/circuit?tab=1"})
    assert answer["Location"] == "/login/?next=/circuit%3Ftab%3D1"
    assert "is kept" in client.get(answer["Location"]).content.decode()

    entered = log_in(client, "/circuit?tab=1")
    assert entered["Location"] == "/circuit?tab=1"
    assert client.get(entered["Location"]).content == b"state=FORCED_OPEN&reason=provider+asked"
    assert client.get(entered["Location"]).content == b"empty"


def test_htmx_is_told_to_go_to_the_login_page(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/circuit"}
    for answer in (
        client.post("/circuit/toggle", {"a": "b"}, headers=headers),
        client.get("/circuit", headers=headers),
    ):
        assert answer.status_code == 200
        assert answer["HX-Redirect"] == "/login/?next=/circuit"


def test_a_page_of_another_site_is_never_returned_to(client: Client) -> None:
    answer = client.post("/circuit/toggle", {"a": "b"}, headers={"Referer": "http://evil.example/circuit"})
    assert answer["Location"] == "/login/?next=/circuit/toggle"


def test_a_form_beyond_measure_is_not_kept(client: Client, person: Any) -> None:
    person("operator")
    client.post("/circuit", {"reason": "x" * MOST_BYTES})
    log_in(client, "/circuit")
    assert client.get("/circuit").content == b"empty"


def test_wrong_passwords_are_throttled_per_name_and_address(client: Client, person: Any, settings: Any) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3
    person("operator")
    answers = [log_in(client, "/", "wrong").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    refused = log_in(client, "/")
    assert refused.status_code == 429
    assert "Try again in 15 minutes" in refused.content.decode()
    assert int(refused["Retry-After"]) == 900


def test_behind_a_proxy_the_address_that_it_appended_counts(rf: Any, settings: Any) -> None:
    request = rf.get("/", headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.7"}, REMOTE_ADDR="10.0.0.1")
    assert client_address(request) == "10.0.0.1"
    settings.BEHIND_TLS_PROXY = True
    assert client_address(request) == "192.0.2.7"


def test_log_out_is_a_post(client: Client, person: Any) -> None:
    client.force_login(person("operator"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/circuit").status_code == 302
