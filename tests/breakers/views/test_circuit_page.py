"""A circuit's page: what it tells, and orders that two people cannot give by accident."""

import pytest

from breakers.models import Override
from breakers.operations import overrides
from controlplane.audit.models import AuditEntry

from .conftest import SETUP
from .test_board_page import text

PAGE = "/circuits/payment/"
ORDER = "/circuits/payment/order/"
FORCE_OPEN = {"state": "FORCED_OPEN", "reason": "provider maintenance", "expires": "900", "expected": "none"}
HTMX = {"HX-Request": "true"}


def test_an_unknown_circuit_is_not_found(enter, valkey):
    assert enter("viewer").get("/circuits/nobody/").status_code == 404


def test_it_tells_settings_owner_links_and_the_last_failures(enter, payment, past):
    past.opened(payment)
    past.traffic(payment, calls=5, failures=5)
    page = enter("viewer").get(PAGE)
    for words in ("Opens after 5 failures in a row", "Sofia", "https://example.org/runbook", "status 503", "GET /pay"):
        assert words in text(page)


def test_a_viewer_sees_no_buttons_and_is_refused(enter, payment):
    viewer = enter("viewer")
    assert "Do it" not in text(viewer.get(PAGE))
    assert viewer.post(ORDER, FORCE_OPEN).status_code == 403
    assert viewer.post("/circuits/payment/undo/").status_code == 403
    assert viewer.post("/circuits/payment/probe/").status_code == 403
    assert not Override.objects.exists()


def test_before_the_order_the_page_says_what_it_will_do(enter, payment, past):
    past.traffic(payment, calls=30)
    page = text(enter("operator").get(PAGE))
    assert "All calls stop within a second: 30 calls went through in the last minute." in page
    assert "Customers in Subscribing see the delay notice." in page
    assert "No answer is in the cache: every request gets 503 with Retry-After." in page


def test_an_order_is_given_recorded_and_leads_to_its_confirmation(enter, payment):
    operator = enter("operator", "ana")
    answer = operator.post(ORDER, FORCE_OPEN)
    assert answer.status_code == 302
    assert "?version=" in answer.headers["Location"]
    row = Override.objects.get()
    assert (row.state, row.reason, row.by) == ("FORCED_OPEN", "provider maintenance", "ana")
    assert AuditEntry.objects.filter(subject="target:payment", by="ana", reason="provider maintenance").exists()
    page = text(operator.get(answer.headers["Location"]))
    assert "FORCED_OPEN stopped by an operator; the breaker concludes CLOSED" in page
    assert "No front-door worker is alive to take it over" in page


def test_htmx_gets_the_confirmation_in_place(enter, payment):
    page = enter("operator").post(ORDER, FORCE_OPEN, headers=HTMX)
    assert page.status_code == 200
    assert page.content.decode().lstrip().startswith('<section id="steer"')
    assert "Saved as configuration" in text(page)


@pytest.mark.parametrize("missing", ["reason", "state"])
def test_an_incomplete_form_comes_back_as_it_was(enter, payment, missing):
    page = enter("operator").post(ORDER, FORCE_OPEN | {missing: "", "expires": "3600"}, headers=HTMX)
    assert page.status_code == 400
    assert 'value="3600" selected' in page.content.decode()
    assert "Say why" in text(page) or "Choose what to do" in text(page)
    assert not Override.objects.exists()


def test_the_second_of_two_operators_is_told_who_was_first_and_keeps_the_reason(enter, payment):
    enter("operator", "ana").post(ORDER, FORCE_OPEN)
    late = enter("operator", "ben").post(ORDER, FORCE_OPEN | {"state": "DISABLED", "reason": "counting is wrong"})
    assert late.status_code == 409
    assert "ana acted first: FORCED_OPEN, because “provider maintenance”" in text(late)
    assert 'value="counting is wrong"' in late.content.decode()
    assert Override.objects.get().by == "ana"


def test_only_an_admin_may_order_without_end(enter, payment):
    operator = enter("operator")
    assert "until I clear it" not in text(operator.get(PAGE))
    assert operator.post(ORDER, FORCE_OPEN | {"expires": "never"}).status_code == 400
    assert enter("admin").post(ORDER, FORCE_OPEN | {"expires": "never"}).status_code == 302
    assert Override.objects.get().expires_at is None


def test_undo_brings_back_the_order_before_and_then_none(enter, payment):
    operator = enter("operator")
    overrides.put(payment, state="DISABLED", reason="first", by=SETUP, expires_in_s=900)
    first = Override.objects.get().revision
    operator.post(ORDER, FORCE_OPEN | {"expected": str(first)})
    operator.post("/circuits/payment/undo/", {"expected": str(Override.objects.get().revision)})
    assert Override.objects.get().state == "DISABLED"
    operator.post("/circuits/payment/undo/", {"expected": str(Override.objects.get().revision)})
    assert not Override.objects.exists()


def test_undoing_what_somebody_else_has_changed_is_refused(enter, payment):
    operator = enter("operator")
    operator.post(ORDER, FORCE_OPEN)
    seen = Override.objects.get().revision
    overrides.put(payment, state="DISABLED", reason="meanwhile", by=SETUP, expires_in_s=900)
    answer = operator.post("/circuits/payment/undo/", {"expected": str(seen)})
    assert answer.status_code == 409
    assert "meanwhile" in text(answer)


def test_back_to_automatic_lifts_the_order(enter, payment):
    operator = enter("operator")
    operator.post(ORDER, FORCE_OPEN)
    seen = str(Override.objects.get().revision)
    assert "Back to automatic" in text(operator.get(PAGE))
    operator.post(ORDER, {"state": "AUTOMATIC", "reason": "done", "expected": seen})
    assert not Override.objects.exists()


def test_after_an_expired_login_the_form_is_as_it_was_filled_in(enter, payment, client):
    origin = {"Referer": f"http://testserver{PAGE}", "Accept": "text/html"}
    sent = client.post(ORDER, FORCE_OPEN | {"expires": "14400"}, headers=origin)
    assert sent.headers["Location"].startswith("/login/")
    enter("operator")
    login = client.post(sent.headers["Location"], {"username": "operator", "password": "correct horse battery"})
    assert login.headers["Location"] == PAGE
    page = client.get(PAGE)
    assert 'value="provider maintenance"' in page.content.decode()
    assert 'value="14400" selected' in page.content.decode()
    assert "nothing was sent" in text(page)
    assert not Override.objects.exists()
