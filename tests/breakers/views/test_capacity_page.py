"""Capacity and a route's limits: what they let through, against what targets take, and where to correct it."""

from breakers.operations import plans, stages, targets, throttles
from compositions.operations import routes

from .conftest import GOLD, SETUP
from .test_board_page import text

CONTRACT = {"title": "Payment", "base_url": "http://127.0.0.1:9", "contracts": [{"limit": 120, "period_s": 1}]}


def test_what_fits_is_told_as_well(enter, market):
    targets.put("payment", {**CONTRACT, "max_concurrency": 500}, by=SETUP)
    targets.put("catalog", {"base_url": "http://127.0.0.1:9", "max_concurrency": 500}, by=SETUP)
    page = text(enter("viewer").get("/capacity/"))
    assert "Everything fits" in page
    assert "✓ 100/s 120/s Gold 100/s" in page


def test_an_exceeded_contract_is_a_sentence_with_links_to_what_can_be_corrected(enter, market):
    plans.put("gold", {**GOLD, "rate": 500}, by=SETUP)
    answer = enter("viewer").get("/capacity/")
    assert "Gold 500/s, contract of payment allows 120/s." in text(answer)
    assert "✕ 500/s 120/s" in text(answer)
    page = answer.content.decode()
    for link in ("/circuits/payment/", "/plans/gold/", "/routes/checkout/limits/"):
        assert f'href="{link}"' in page


def test_the_worst_comes_first(enter, market):
    plans.put("gold", {**GOLD, "rate": 500}, by=SETUP)
    plans.put("shut", {"stages": []}, by=SETUP)
    page = text(enter("viewer").get("/capacity/"))
    order = [page.index(words) for words in ("contract of payment", "Plan shut has no stage", "! notice")]
    assert order == sorted(order)


def test_a_route_that_nothing_limits_is_told_beside_its_target(enter, market):
    routes.patch("checkout", {"api_key_required": False}, by=SETUP)
    page = text(enter("viewer").get("/capacity/"))
    assert "no limit 120/s Nothing limits route checkout." in page


def test_a_target_that_only_one_stage_limits_has_no_limit(enter, market):
    targets.put("payment", {**CONTRACT, "contracts": [{"limit": 20, "period_s": 1}]}, by=SETUP)
    stages.put("partners", {"base_path": "/partners", "rate": 50}, by=SETUP)
    routes.patch("checkout", {"api_key_required": False, "stages": ["main", "partners"]}, by=SETUP)
    page = text(enter("viewer").get("/capacity/"))
    assert "✕ no limit 20/s Nothing limits route checkout." in page
    assert "✕ 50/s" not in page


def test_without_targets_the_page_says_so(enter, valkey):
    assert "No target is registered yet" in text(enter("viewer").get("/capacity/"))


def test_each_route_leads_to_its_limits(enter, market):
    assert 'href="/routes/articles/limits/"' in enter("viewer").get("/routes/").content.decode()


def test_a_routes_page_says_who_may_call_it_how_often_and_why(enter, market):
    authorizer = {"type": "trusted_header", "header": "X-User", "from": ["10.0.0.0/8"]}
    routes.patch("articles", {"authorizer": authorizer}, by=SETUP)
    throttles.put("posts", {"scope": "method", "method": "POST", "rate": 50}, by=SETUP)
    page = text(enter("viewer").get("/routes/articles/limits/"))
    assert "needed : requests without a key of a plan of the stage are refused" in page
    assert "it does not authenticate" in page
    assert "trusted header X-User from 10.0.0.0/8; a key alone opens nothing" in page
    winning = page.index("override POST articles of plan Gold: 5/s, burst 10")
    assert winning < page.index("throttle posts: 50/s, burst 50") < page.index("1 replaced")


def test_a_route_that_no_plan_opens_says_so(enter, market):
    plans.put("gold", {**GOLD, "stages": ["partners"]}, by=SETUP)
    page = text(enter("viewer").get("/routes/checkout/limits/"))
    assert "no plan opens it here" in page
    assert "nobody can call it there" in page


def test_an_unknown_route_is_not_found(enter, market):
    assert enter("viewer").get("/routes/nowhere/limits/").status_code == 404


def test_pages_of_the_group_are_found_from_each_other(enter, market):
    viewer = enter("viewer")
    for page in ("/plans/", "/throttles/", "/stages/", "/capacity/"):
        html = viewer.get(page).content.decode()
        assert f'<a href="{page}" aria-current="page">' in html
        assert html.count('class="shell-group"') == 1
    assert 'class="shell-group"' not in viewer.get("/").content.decode()
