"""The proof of work, its pass, and the page that asks for it - by programs, and in a real browser."""

import json
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import altcha
import pytest
from redis.asyncio import Redis

from breakers.admission.challenges import MAX_BODY, Challenges, WebReply, safe_return, without_pass
from breakers.admission.passes import COOKIE, Passes
from controlplane.kernel.errors import Invalid, MethodNotAllowed, NotFound, TooLarge
from tests.breakers.admission.front import serving
from tests.breakers.admission.rules import request
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from playwright.sync_api import Page

CLIENT = "192.0.2.1"
FORM = [(b"content-type", b"application/x-www-form-urlencoded")]
JSON = [(b"content-type", b"application/json")]


class Clock:
    def __init__(self) -> None:
        self.ms = time.time() * 1000

    def __call__(self) -> float:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def challenges(valkey: str, clock: Clock) -> AsyncIterator[Challenges]:
    client = Redis.from_url(valkey, socket_timeout=0.5, socket_connect_timeout=0.25)
    yield Challenges(client, "sg", now_ms=clock)
    await client.aclose()


async def ask(
    challenges: Challenges, method: str, path: str, *, query: str = "", body: bytes = b"", **more: Any
) -> WebReply:
    headers = more.pop("headers", FORM)
    given = {"client_of": lambda stage: CLIENT, "secure": False} | more
    return await challenges.answer(method, path, query, headers, body, **given)


def solved(challenges: Challenges, *, stage: str = "main", rule: str = "prove", client: str = CLIENT) -> str:
    challenge = altcha.Challenge.from_dict(challenges.new(stage, rule, client))
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


def form(payload: str, to: str = "/shop?page=2") -> bytes:
    return urlencode({"altcha": payload, "return": to, "stage": "main", "rule": "prove"}).encode()


def cookie_of(reply: WebReply) -> str:
    return dict(reply.headers)[b"set-cookie"].decode().partition(";")[0]


async def test_a_solution_gives_a_pass_and_leads_back(challenges: Challenges) -> None:
    met: list[str] = []
    challenges.on_solved = met.append
    reply = await ask(challenges, "POST", "/-/challenge", body=form(solved(challenges)))
    fields = dict(reply.headers)
    assert (reply.status, fields[b"location"], met) == (303, b"/shop?page=2", ["prove"])
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1800"} <= set(fields[b"set-cookie"].decode().split("; "))
    assert b"Secure" not in fields[b"set-cookie"]
    carrying = {"cookie": f"a=b; {cookie_of(reply)}; c=d"}
    assert challenges.passes.holds(request(headers=carrying))
    assert not challenges.passes.holds(request())


async def test_over_tls_the_pass_is_secure(challenges: Challenges) -> None:
    reply = await ask(challenges, "POST", "/-/challenge", body=form(solved(challenges)), secure=True)
    assert dict(reply.headers)[b"set-cookie"].endswith(b"; Secure")


async def test_a_solution_is_taken_once_in_the_whole_fleet(challenges: Challenges, clock: Clock) -> None:
    other = Challenges(challenges._valkey, "sg", now_ms=clock)
    payload = solved(challenges)
    assert (await ask(challenges, "POST", "/-/challenge", body=form(payload))).status == 303
    for again in (challenges, other):
        reply = await ask(again, "POST", "/-/challenge", body=form(payload))
        assert reply.status == 403
        assert b"set-cookie" not in dict(reply.headers)
        assert b"used before" in reply.body


async def test_without_the_store_a_solution_is_taken_once_by_each_process(
    challenges: Challenges, valkey_server: Valkey
) -> None:
    payload = solved(challenges)
    valkey_server.stop()
    try:
        assert (await ask(challenges, "POST", "/-/challenge", body=form(payload))).status == 303
        assert (await ask(challenges, "POST", "/-/challenge", body=form(payload))).status == 403
    finally:
        valkey_server.start()


async def test_programs_may_solve_it_too(challenges: Challenges) -> None:
    query = urlencode({"stage": "partner", "rule": "prove"})
    reply = await ask(challenges, "GET", "/-/challenge/new", query=query)
    challenge = altcha.Challenge.from_dict(json.loads(reply.body))
    payload = altcha.Payload(challenge, altcha.solve_challenge(challenge)).to_base64()
    done = await ask(challenges, "POST", "/-/challenge", body=json.dumps({"altcha": payload}).encode(), headers=JSON)
    assert (done.status, json.loads(done.body)["stage"]) == (200, "partner")
    assert challenges.passes.holds(request(stage="partner", headers={"cookie": cookie_of(done)}))
    assert not challenges.passes.holds(request(stage="main", headers={"cookie": cookie_of(done)}))
    with pytest.raises(Invalid):
        await ask(challenges, "POST", "/-/challenge", body=json.dumps({"altcha": payload}).encode(), headers=JSON)


def tampered(payload: str, **changes: Any) -> str:
    given = altcha.Payload.from_base64(payload).to_dict()
    for path, value in changes.items():
        place = given
        *steps, last = path.split("__")
        for step in steps:
            place = place[step]
        place[last] = value
    return altcha.Payload.from_dict(given).to_base64()


async def test_what_was_not_signed_or_not_solved_gives_no_pass(challenges: Challenges, clock: Clock) -> None:
    good = solved(challenges)
    stranger = altcha.create_challenge("SHA-256", 1, hmac_secret="mine", data={"stage": "main", "client": CLIENT})
    wrong = {
        "nothing": "",
        "no base64": "§§§",
        "no JSON": "bm8=",
        "another shape": "W10=",
        "another client": solved(challenges, client="192.0.2.9"),
        "another key": altcha.Payload(stranger, altcha.solve_challenge(stranger)).to_base64(),
        "an easier one": tampered(good, challenge__parameters__keyPrefix=""),
        "a longer one": tampered(good, challenge__parameters__expiresAt=int(clock.ms / 1000) + 99_999),
        "another stage": tampered(good, challenge__parameters__data={"stage": "x", "client": CLIENT, "rule": ""}),
        "another solution": tampered(good, solution__counter=0, solution__derivedKey="00" * 32),
        "no counter": tampered(good, solution__counter="x"),
    }
    for name, payload in wrong.items():
        reply = await ask(challenges, "POST", "/-/challenge", body=form(payload))
        assert (name, reply.status, b"set-cookie" in dict(reply.headers)) == (name, 403, False)
        assert b'role="alert"' in reply.body
    assert (await ask(challenges, "POST", "/-/challenge", body=form(solved(challenges)))).status == 303


async def test_a_challenge_takes_one_guess(challenges: Challenges) -> None:
    good = solved(challenges)
    bad = tampered(good, solution__counter=0, solution__derivedKey="00" * 32)
    assert (await ask(challenges, "POST", "/-/challenge", body=form(bad))).status == 403
    assert (await ask(challenges, "POST", "/-/challenge", body=form(good))).status == 403


async def test_a_challenge_expires(challenges: Challenges, clock: Clock) -> None:
    clock.ms -= 3_600_000
    late = solved(challenges)
    reply = await ask(challenges, "POST", "/-/challenge", body=form(late))
    assert (reply.status, b"too long" in reply.body) == (403, True)


def test_a_pass_holds_for_its_stage_its_address_and_its_time(clock: Clock) -> None:
    passes = Passes(clock)
    value = passes.issue("main", CLIENT)
    assert passes.valid(value, "main", CLIENT)
    assert not passes.valid(value, "other", CLIENT)
    assert not passes.valid(value, "main", "192.0.2.2")
    ends, _, signature = value.partition(".")
    assert not passes.valid(f"{int(ends) + 60}.{signature}", "main", CLIENT)
    for bad in ("", ".", "x.y", f"{ends}.", f"{ends}.{signature[:-1]}", f"{'9' * 40}.{signature}", "٣.x"):
        assert not passes.valid(bad, "main", CLIENT)
    clock.ms += 1_799_000
    assert passes.valid(value, "main", CLIENT)
    clock.ms += 2_000
    assert not passes.valid(value, "main", CLIENT)


def test_a_pass_holds_in_the_network_in_which_ipv6_clients_change_their_address(clock: Clock) -> None:
    passes = Passes(clock)
    value = passes.issue("main", "2001:db8:1:2::a")
    assert passes.valid(value, "main", "2001:db8:1:2:ffff::b")
    assert not passes.valid(value, "main", "2001:db8:1:3::a")


def test_a_pass_of_another_installation_is_none(clock: Clock, settings: Any) -> None:
    settings.SECRET_KEY = "another-key-" * 6
    value = Passes(clock).issue("main", CLIENT)
    settings.SECRET_KEY = "the-key-" * 8
    assert not Passes(clock).valid(value, "main", CLIENT)
    settings.SECRET_KEY_FALLBACKS = ["another-key-" * 6]
    assert Passes(clock).valid(value, "main", CLIENT)


RETURNS = {
    "/shop?a=b&c=d": "/shop?a=b&c=d",
    "/a%2Fb": "/a%2Fb",
    "": "/",
    "shop": "/",
    "//evil.example/": "/",
    "/\\evil.example": "/",
    "/a\\b": "/",
    "https://evil.example/": "/",
    "/a\r\nset-cookie: x": "/",
    "/a b": "/",
    "/ü": "/",
    '/"><script>': "/",
    "/-/challenge?return=/": "/",
    "/" + "a" * 3000: "/",
}


@pytest.mark.parametrize("given", sorted(RETURNS))
def test_one_is_led_back_to_this_host_only(given: str) -> None:
    assert safe_return(given) == RETURNS[given]


def test_the_pass_stays_at_the_front_door() -> None:
    assert without_pass(f"a=b; {COOKIE}main=1.x; c=d") == "a=b; c=d"
    assert without_pass(f"{COOKIE}main=1.x") == ""
    assert without_pass("a=b") == "a=b"


async def test_the_addresses_of_the_challenge(challenges: Challenges) -> None:
    assert challenges.owns("/-/challenge")
    assert not challenges.owns("/-/challenges")
    for name in ("altcha.js", "worker.js", "altcha.css", "challenge.js", "challenge.css"):
        reply = await ask(challenges, "GET", f"/-/challenge/{name}", headers=[])
        fields = dict(reply.headers)
        assert (reply.status, b"'unsafe" in fields[b"content-security-policy"]) == (200, False)
        again = await ask(challenges, "GET", f"/-/challenge/{name}", headers=[(b"if-none-match", fields[b"etag"])])
        assert (again.status, again.body) == (304, b"")
    with pytest.raises(NotFound):
        await ask(challenges, "GET", "/-/challenge/nothing")
    with pytest.raises(MethodNotAllowed):
        await ask(challenges, "DELETE", "/-/challenge")
    with pytest.raises(MethodNotAllowed):
        await ask(challenges, "POST", "/-/challenge/new")
    with pytest.raises(TooLarge):
        await ask(challenges, "POST", "/-/challenge", body=b"a" * (MAX_BODY + 1))
    with pytest.raises(Invalid):
        await ask(challenges, "POST", "/-/challenge", body=b"[]", headers=JSON)


async def test_the_page_takes_nothing_over_unescaped(challenges: Challenges) -> None:
    query = urlencode({"stage": '"><script>', "rule": "<b>", "return": "/a'b&c=<"})
    reply = await ask(challenges, "GET", "/-/challenge", query=query)
    assert reply.status == 200
    assert b"<script>" not in reply.body
    assert b"<b>" not in reply.body
    page = challenges.page(stage="main", rule="prove", return_to="/shop?a=1&b='2'").body
    assert b"/shop?a=1&amp;b=&#x27;2&#x27;" in page


def test_only_somebody_who_navigates_is_shown_the_page() -> None:
    html = [(b"accept", b"text/html,application/xhtml+xml")]
    assert Challenges.browser("GET", html)
    assert not Challenges.browser("POST", html)
    assert not Challenges.browser("GET", [(b"accept", b"application/json")])
    assert not Challenges.browser("GET", [])


# In a browser ---------------------------------------------------------------------------------------------------------


def test_a_visitor_passes_the_challenge_with_the_keyboard(page: "Page") -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with serving() as front:
        answer = page.goto(f"{front.address}/shop?page=2")
        assert answer is not None
        assert (answer.status, page.title()) == (403, "Checking your browser")
        box = page.get_by_role("checkbox", name="Check my browser")
        box.wait_for()
        for _ in range(5):
            page.keyboard.press("Tab")
            if box.evaluate("box => box === document.activeElement"):
                break
        page.keyboard.press("Space")
        page.get_by_role("heading", name="Welcome in").wait_for(timeout=60_000)
        assert page.url == f"{front.address}/shop?page=2"
        before = len(front.seen)
        page.goto(f"{front.address}/shop/other")
        assert page.title() == "Welcome"
        assert front.seen[before:][:1] == ["GET /shop/other"]
        (cookie,) = [one for one in page.context.cookies() if one["name"].startswith(COOKIE)]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    # The page itself came with 403, which Chromium puts into its console.
    assert [text for text in complaints if "403" not in text and "favicon" not in text] == []


def test_a_visitor_passes_the_challenge_with_a_click(page: "Page") -> None:
    with serving() as front:
        page.goto(f"{front.address}/shop")
        page.get_by_role("checkbox", name="Check my browser").click()
        page.get_by_role("heading", name="Welcome in").wait_for(timeout=60_000)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_is_readable_in_both_schemes_and_on_a_phone(page: "Page", scheme: str) -> None:
    with serving() as front:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": 320, "height": 640})
        page.goto(f"{front.address}/shop")
        page.get_by_role("checkbox", name="Check my browser").wait_for()
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide
        light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"
        assert light is (scheme == "light")


def test_without_javascript_the_page_says_what_to_do(page: "Page") -> None:
    browser = page.context.browser
    assert browser is not None
    with serving() as front:
        context = browser.new_context(java_script_enabled=False)
        plain = context.new_page()
        plain.goto(f"{front.address}/shop?page=2")
        assert plain.get_by_text("The check needs JavaScript").is_visible()
        assert "/shop?page=2" in plain.inner_text("main")
        context.close()
