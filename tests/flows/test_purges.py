"""Purging kept answers on the whole product: by target, route, tag and request, at every front door, in the browser."""

import pytest

from tests.servers.processes import wait_until


@pytest.fixture
def shop(stack, downstream):
    """A target and a route that keep everything for an hour."""
    base = f"http://127.0.0.1:{downstream.port}"
    cache = {"ttl_s": 3600, "max_stale_s": 3600, "vary_headers": []}
    assert stack.api("PUT", "targets/kept", {"base_url": base, "cache": cache, "tags": ["Shop"]}).status in (200, 201)
    for slug, ttl_s, tags in (("kept-straight", 0, []), ("kept-whole", 3600, ["pages"])):
        route = {"path": f"/{slug}/{{rest+}}", "tags": tags, "cache": {"ttl_s": ttl_s}}
        integration = {"type": "target", "target": "kept", "path": "/{rest}"}
        answer = stack.api("PUT", f"routes/{slug}", route | {"integration": integration})
        assert answer.status in (200, 201), answer.body
    downstream.behave("/a", body=b"one", headers={"Cache-Tag": "story-1"})
    wait_until(lambda: stack.call("GET", "/kept-whole/a").status == 200, 5, "the routes are there")
    purge(stack, target="kept")
    yield stack
    for path in ("routes/kept-straight", "routes/kept-whole", "targets/kept"):
        stack.api("DELETE", path)


def purge(stack, **wanted):
    answer = stack.api("POST", "cache/purge", {**wanted, "reason": "a test"})
    assert answer.status == 200, answer.body
    document = answer.json()
    assert document["workers"] == {"applied": 2, "total": 2}
    return document


def answers(stack, path, times=8):
    """Bodies that two front doors give; each request has a connection of its own."""
    return {stack.call("GET", path).body for _ in range(times)}


@pytest.mark.parametrize(
    "wanted",
    [
        {"target": "kept"},
        {"tag": "shop"},
        {"tag": "Shop"},
        {"tag": "Story-1"},
        {"key": {"target": "kept", "path": "/a"}},
    ],
)
def test_both_front_doors_forget_what_is_purged(shop, downstream, wanted):
    if wanted == {"tag": "shop"}:
        shop.api("PATCH", "targets/kept", {"tags": ["shop"]})
    assert answers(shop, "/kept-straight/a") == {b"one"}
    before = len(downstream.requests)
    assert answers(shop, "/kept-straight/a") == {b"one"}
    assert len(downstream.requests) == before
    downstream.behave("/a", body=b"two", headers={"Cache-Tag": "story-1"})
    done = purge(shop, **wanted)
    assert answers(shop, "/kept-straight/a") == {b"two"}
    assert done["removed"] >= 1


def test_a_purge_of_a_target_reaches_the_routes_that_lead_to_it(shop, downstream):
    assert answers(shop, "/kept-whole/a") == {b"one"}
    downstream.behave("/a", body=b"two")
    assert purge(shop, target="kept")["purged"] == ["target:kept", "route:kept-straight", "route:kept-whole"]
    assert answers(shop, "/kept-whole/a") == {b"two"}


def test_a_purge_of_a_route_leaves_what_its_target_keeps(shop, downstream):
    assert answers(shop, "/kept-whole/a") == {b"one"}
    downstream.behave("/a", body=b"two")
    purge(shop, route="kept-whole")
    assert answers(shop, "/kept-whole/a") == {b"one"}
    purge(shop, key={"target": "kept", "path": "/a"})
    purge(shop, key={"route": "kept-whole", "path": "/kept-whole/a", "query": ""})
    assert answers(shop, "/kept-whole/a") == {b"two"}


def test_it_is_told_who_may_and_what_is_kept(shop):
    answers(shop, "/kept-whole/a")

    def kept():
        return {(each["kind"], each["slug"], each["stage"]) for each in shop.api("GET", "cache").json()}

    wait_until(lambda: ("target", "kept", None) in kept(), 5, "the store has it")
    assert shop.api("POST", "cache/purge", {"target": "kept"}).status == 400
    assert shop.api("POST", "cache/purge", {"target": "nothing", "reason": "x"}).status == 404


@pytest.mark.browser
def test_an_operator_sees_what_is_kept_and_purges_it(shop, downstream, page):
    answers(shop, "/kept-straight/a?page=1&token=hush")
    wait_until(lambda: shop.api("GET", "cache").json(), 5, "the store has it")
    shop.sign_in(page, "/kept/")
    page.click("tr:has-text('target') a:text-is('kept')")
    text = page.inner_text("main")
    assert [word in text for word in ("/a?page=1", "story-1", "hush")] == [True, True, False]
    downstream.behave("/a", body=b"two")
    page.fill("input[name=path]", "/a")
    page.fill("input[name=reason]", "prices were wrong")
    page.click("#purge button")
    page.wait_for_selector("text=2 of 2 front doors go by it")
    assert answers(shop, "/kept-straight/a?page=1&token=hush") == {b"two"}
    page.goto(f"{shop.control}/kept/")
    assert "prices were wrong" in page.inner_text("main")
