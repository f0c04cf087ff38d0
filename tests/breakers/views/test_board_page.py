"""The board as a page: who may see it, what it says, and that it is honest about what it does not know."""

import html
import re

import pytest

from breakers.operations import overrides, targets

from .conftest import SETUP


def text(response):
    """What a reader sees: no tags, plain spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))).replace(" .", ".")


def verdict(response):
    return re.search(r'<section id="opening".*?</section>', response.content.decode(), re.S).group()


def test_a_visitor_without_a_login_is_sent_to_log_in(client, db):
    assert client.get("/").headers["Location"].startswith("/login/")


def test_an_empty_board_says_that_nothing_is_guarded(enter, valkey):
    assert "No target is registered yet" in text(enter("viewer").get("/"))


def test_a_closed_circuit_without_calls_is_no_data_and_not_fine(enter, payment):
    page = text(enter("viewer").get("/"))
    assert "The only circuit is closed, but there is no data" in page
    assert "CLOSED traffic flows" in page
    assert "no data" in page


def test_a_circuit_with_calls_shows_its_figures(enter, payment, past):
    past.traffic(payment, calls=60, failures=3)
    page = enter("viewer").get("/")
    assert "5.0 %" in text(page)
    assert "<svg" in page.content.decode()
    assert "5.0 % of 60 calls failed in the last minute" in text(page)


def test_an_open_circuit_opens_the_page(enter, payment, past):
    past.opened(payment)
    past.traffic(payment, rejected=12, cached=200)
    page = text(enter("viewer").get("/"))
    assert "Payment is open since" in page
    assert "5 failures in a row." in page
    assert "Customers in Subscribing see the delay notice" in page
    assert "212 requests came: 200 answered from cache and 12 refused" in page
    assert "OPEN no calls, answered from cache where possible" in page
    assert "probe in 4" in page


def test_an_order_is_shown_with_who_why_until_when_and_what_the_breaker_concludes(enter, payment, past):
    past.opened(payment)
    overrides.put(payment, state="FORCED_CLOSED", reason="it is a false alarm", by=SETUP, expires_in_s=900)
    page = text(enter("viewer").get("/"))
    assert "the breaker concludes OPEN" in page
    assert "it is a false alarm" in page
    assert "You need to decide on Payment" in page


def test_htmx_gets_the_live_part_alone(enter, payment):
    page = enter("viewer").get("/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert page.lstrip().startswith('<div id="live"')


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=pay", True),
        ("q=sofia", True),
        ("q=search", False),
        ("state=open", False),
        ("state=closed", True),
        ("tag=money", True),
        ("tag=other", False),
        ("owner=Sofia", True),
        ("quiet=hide", False),
    ],
)
def test_the_address_filters_what_is_shown(enter, payment, query, shown):
    page = enter("viewer").get(f"/?{query}").content.decode()
    assert ('id="circuit-payment"' in page) is shown


def test_hiding_what_is_quiet_never_hides_what_is_broken(enter, payment, past):
    past.opened(payment)
    assert 'id="circuit-payment"' in enter("viewer").get("/?quiet=hide").content.decode()


def test_with_the_store_away_the_board_shows_the_last_reading_and_its_age(enter, payment, past, settings):
    past.opened(payment)
    viewer = enter("viewer")
    viewer.get("/")
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    page = text(viewer.get("/"))
    assert re.search(r"The store does not answer: what you see is \d+ s old", page)
    assert "Payment is open since" in page


def test_with_the_store_away_from_the_start_nothing_is_claimed(enter, payment, settings):
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    page = text(enter("viewer").get("/"))
    assert "has not been read yet: nothing below is known" in page


def test_no_page_carries_an_inline_style_or_script(enter, payment, past):
    past.opened(payment)
    admin = enter("admin")
    for path in ("/", "/circuits/payment/"):
        page = admin.get(path).content.decode()
        assert not re.search(r"\sstyle=|<style|<script>|\son[a-z]+=", page)


def test_titles_are_escaped(enter, valkey, db):
    targets.put("odd", {"title": "<script>alert(1)</script>", "base_url": "http://127.0.0.1:9"}, by=SETUP)
    assert "<script>alert" not in enter("viewer").get("/").content.decode()
