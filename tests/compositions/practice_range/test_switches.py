"""The switches: what may be sent, what is said to what may not, and what happens when two are thrown at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from compositions.practice_range.addresses import SLUGS

from .equipment import PracticeRange, ask


def test_what_get_gives_can_be_put_back(practice: PracticeRange) -> None:
    practice.put("search", behaviour="slow", delay_ms=40, share=70)
    setting = practice.control("GET", "/behaviours/search").text
    practice.control("POST", "/reset")
    assert practice.control("PUT", "/behaviours/search", setting).json == json.loads(setting)


def test_a_plain_curl_line_with_form_fields_works(practice: PracticeRange) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
    reply = practice.control("PUT", "/behaviours/payment", "behaviour=slow&delay_ms=30", **form)
    assert (reply.status, reply.json["delay_ms"]) == (200, 30)


@pytest.mark.parametrize(
    ("body", "path", "remedy"),
    [
        ("", "", "Send {"),
        ("{", "", "Send {"),
        ("[" * 50_000, "", "Send {"),
        ("[]", "", "Send {"),
        ("null", "", "Send {"),
        ("{}", "behaviour", "healthy, slow, errors_500, throttle_429, hang, refuse"),
        ('{"behaviour": "broken"}', "behaviour", "healthy, slow"),
        ('{"behaviour": ["slow"]}', "behaviour", "healthy, slow"),
        ('{"behaviour": "slow", "delay_ms": -1}', "delay_ms", "from 0 to 60000"),
        ('{"behaviour": "slow", "delay_ms": "fast"}', "delay_ms", "from 0 to 60000"),
        ('{"behaviour": "slow", "delay_ms": true}', "delay_ms", "from 0 to 60000"),
        ('{"behaviour": "slow", "delay_ms": 1e400}', "delay_ms", "from 0 to 60000"),
        ('{"behaviour": "errors_500", "share": 0}', "share", "from 1 to 100"),
        ('{"behaviour": "errors_500", "share": 101}', "share", "from 1 to 100"),
        ('{"behaviour": "slow", "delay": 5}', "delay", "only behaviour, delay_ms and share"),
        ("behaviour=off", "behaviour", "healthy, slow"),
    ],
)
def test_garbage_is_refused_with_the_remedy(practice: PracticeRange, body: str, path: str, remedy: str) -> None:
    reply = practice.control("PUT", "/behaviours/payment", body)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"
    told = {problem["path"]: problem["message"] for problem in reply.json["problems"]}
    assert remedy in told[path]
    assert practice.control("GET", "/behaviours/payment").json["behaviour"] == "healthy"


def test_bytes_that_are_no_text_are_refused(practice: PracticeRange) -> None:
    assert ask(practice.addresses.port, "PUT", "/behaviours/payment", b"\xff\xfe").status == 400


def test_an_unknown_service_is_answered_with_the_known_ones(practice: PracticeRange) -> None:
    reply = practice.put("payments", behaviour="slow")
    assert reply.status == 404
    assert all(slug in reply.json["detail"] for slug in SLUGS)


def test_a_method_that_does_not_fit_is_told_which_do(practice: PracticeRange) -> None:
    assert practice.control("DELETE", "/behaviours/payment").headers["allow"] == "GET, PUT"
    assert practice.control("GET", "/reset").headers["allow"] == "POST"


def test_two_services_switched_at_once_both_obey(practice: PracticeRange) -> None:
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda slug: practice.put(slug, behaviour="errors_500"), ("payment", "fraud")))
    assert [reply.status for reply in replies] == [200, 200]
    assert [practice.service(slug, "GET", "/health").status for slug in ("payment", "fraud")] == [500, 500]


def test_one_service_switched_by_many_at_once_ends_as_it_says(practice: PracticeRange) -> None:
    wishes = ["refuse", "healthy", "hang", "refuse", "errors_500", "healthy", "refuse", "errors_500"]
    with ThreadPoolExecutor(len(wishes)) as pool:
        assert all(r.status == 200 for r in pool.map(lambda wish: practice.put("payment", behaviour=wish), wishes))
    settled = practice.control("GET", "/behaviours/payment").json["behaviour"]
    try:
        met = {200: "healthy", 500: "errors_500"}[practice.service("payment", "GET", "/health", timeout_s=0.3).status]
    except ConnectionRefusedError:
        met = "refuse"
    except TimeoutError:
        met = "hang"
    assert met == settled


def test_a_form_works_without_javascript(practice: PracticeRange) -> None:
    reply = practice.control(
        "POST", "/behaviours/payment", "behaviour=slow&delay_ms=20&share=100", Accept="text/html,*/*;q=0.8"
    )
    assert (reply.status, reply.headers["location"]) == (303, "/#payment")
    page = practice.control("GET", "/")
    assert "answers correctly, but 20 ms late" in page.text
    assert "Training equipment" in page.text


def test_a_page_of_another_site_cannot_throw_a_switch(practice: PracticeRange) -> None:
    elsewhere = {"Origin": "http://evil.example"}
    assert practice.control("POST", "/behaviours/payment", "behaviour=hang", **elsewhere).status == 403
    assert practice.control("POST", "/reset", **elsewhere).status == 403
    own = {"Origin": f"http://127.0.0.1:{practice.addresses.port}"}
    assert practice.control("POST", "/behaviours/payment", "behaviour=hang", **own).status == 200


def test_pages_carry_a_policy_without_inline_code(practice: PracticeRange) -> None:
    for path in ("/", "/shop", "/runbooks/payment", "/status/payment"):
        reply = practice.control("GET", path)
        policy = reply.headers["content-security-policy"]
        assert "'unsafe" not in policy
        assert practice.addresses.frontdoor_url in policy
        assert " style=" not in reply.text
        assert "onclick" not in reply.text


def test_every_service_has_a_runbook_and_a_status_page(practice: PracticeRange) -> None:
    practice.put("payment", behaviour="refuse")
    for slug in SLUGS:
        assert "What to do" in practice.control("GET", f"/runbooks/{slug}").text
    assert "Incident" in practice.control("GET", "/status/payment").text
    assert "Operational" in practice.control("GET", "/status/search").text


def test_static_files_are_only_those_of_the_folder(practice: PracticeRange) -> None:
    assert practice.control("GET", "/static/range.css").status == 200
    for path in ("/static/../practice_range/range.css", "/static/%2e%2e/%2e%2e/pyproject.toml", "/static/"):
        assert practice.control("GET", path).status == 404
