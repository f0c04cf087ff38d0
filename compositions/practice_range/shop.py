"""Parallax, the demo site: plain pages whose every fact comes through the front door, with the delay banner on top."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, quote

from compositions.practice_range import pages
from compositions.practice_range.frontdoor_client import FrontDoor, FrontDoorAway, Reply
from compositions.practice_range.pages import Markup
from compositions.practice_range.wire import Answer, Request, problem

PRICE_CENTS = 900
# What an intent's status means to a reader: (outcome, words).
FATES = {
    "ACCEPTED": ("received", "We have received your subscription and will see to it. Please do not send it again."),
    "RUNNING": ("received", "We are setting up your subscription now. Please do not send it again."),
    "SUCCEEDED": ("paid", "Welcome! Your subscription is paid and everything is set up."),
    "PARTIAL": ("paid", "Welcome! Your subscription is paid. The newsletter or your points follow by hand."),
    "FAILED": ("declined", "Your subscription was not possible. You have not paid, or have your money back."),
    "DEAD": ("received", "Your subscription needs our attention. We are on it. Please do not send it again."),
}


class Shop:
    """Answers below /shop. A part that cannot be had says so in its place; the rest of the page stays."""

    def __init__(self, frontdoor: FrontDoor) -> None:
        self._frontdoor = frontdoor

    async def answer(self, request: Request) -> Answer | None:
        """The answer, or None when the path is not one of the site's."""
        match request.method, request.path.strip("/").split("/"):
            case "GET" | "HEAD", ["shop"]:
                return await self._front_page()
            case "GET" | "HEAD", ["shop", "search"]:
                return await self._search(request.query.get("q", "").strip())
            case "GET" | "HEAD", ["shop", "articles", id]:
                return await self._article(id)
            case "GET" | "HEAD", ["shop", "subscribe"]:
                return self._page("subscribing", "Subscribe", self._form(""))
            case "POST", ["shop", "subscribe"]:
                return await self._subscribe(request)
            case "GET" | "HEAD", ["shop", "subscriptions", id]:
                return await self._subscription(id)
            case _, ["shop", *_]:
                return problem(404, f"There is nothing at {request.path}.")
        return None

    async def _front_page(self) -> Answer:
        reply = await self._ask("GET", "/articles")
        stories = reply.document.get("articles", []) if reply.ok else []
        content = pages.join(_card(story) for story in stories) if reply.ok else _notice(reply, "The list of stories")
        body = pages.fill("shop_front.html", stories=content, form=self._form(""), source=_source(reply))
        return self._page("subscribing", "Science news", body)

    async def _search(self, words: str) -> Answer:
        reply = await self._ask("GET", "/search", query={"q": words})
        if reply.ok:
            found = reply.document.get("results", [])
            total = reply.document.get("total", len(found))
            by_monolith = reply.document.get("served_by") == "monolith"
            which = (
                "the old search, which reads titles only" if by_monolith else "the new search, which reads whole texts"
            )
            results = pages.join(_card(story) for story in found)
            heading = f"{total} {'story' if total == 1 else 'stories'} for “{words}”"
        else:
            which, results, heading = "nobody", _notice(reply, "Search"), f"Search for “{words}”"
        body = pages.fill("shop_search.html", heading=heading, which=which, results=results, source=_source(reply))
        return self._page("searching", heading, body, words)

    async def _article(self, id: str) -> Answer:
        reply = await self._ask("GET", f"/articles/{quote(id, safe='')}")
        if not reply.ok:
            missing = reply.status == 404
            notice = _plain_notice("There is no such story.") if missing else _notice(reply, "This story")
            body = pages.fill("shop_plain.html", content=notice, source=_source(reply))
            return self._page("reading", "Story", body, status=404 if missing else 200)
        story = reply.document
        text = story.get("text") or "The full text of this story is for subscribers."
        body = pages.fill("shop_article.html", **_strings(story), text=text, source=_source(reply))
        return self._page("reading", str(story.get("title", "Story")), body)

    async def _subscribe(self, request: Request) -> Answer:
        if request.comes_from_elsewhere:
            return problem(403, "Subscribe from the site's own page.")
        form = {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        email, key = form.get("email", "").strip(), form.get("key", "")
        if "@" not in email or len(email) > 254 or not _is_uuid(key):
            again = self._form(email, "Please give an e-mail address, for example reader@example.org.")
            return self._page("subscribing", "Subscribe", again, status=400)
        order = {"customer": email, "item": "premium", "amount_cents": PRICE_CENTS}
        # The form's own key goes along: pressing the button twice, or again after an error, is one order.
        reply = await self._ask("POST", "/onboarding", body=order, headers={"Idempotency-Key": key})
        outcome, words = _outcome(reply)
        intent = str(reply.document.get("id", "")) if reply.status == 202 and reply.ok else ""
        more = pages.fill("shop_follow.html", id=intent) if intent else Markup()
        if outcome in ("later", "unknown"):
            more = self._form(email, "", key)
        body = pages.fill("shop_outcome.html", outcome=outcome, words=words, more=more, source=_source(reply))
        return self._page("subscribing", "Subscribe", body, intent=intent)

    async def _subscription(self, id: str) -> Answer:
        """What has become of what the reader sent."""
        reply = await self._ask("GET", f"/-/intents/{quote(id, safe='')}")
        if not reply.ok:
            missing = reply.status == 404
            words = (
                "There is no such subscription." if missing else "We cannot look it up right now. It is safe with us."
            )
            body = pages.fill("shop_plain.html", content=_plain_notice(words), source=_source(reply))
            return self._page("subscribing", "Your subscription", body, status=404 if missing else 200)
        status = str(reply.document.get("status", ""))
        outcome, words = FATES.get(status, FATES["ACCEPTED"])
        more = pages.fill("shop_follow.html", id=id) if outcome == "received" else Markup()
        body = pages.fill("shop_outcome.html", outcome=outcome, words=words, more=more, source=_source(reply))
        return self._page("subscribing", "Your subscription", body, intent=id)

    async def _ask(self, method: str, path: str, **rest: Any) -> Reply:
        try:
            return await self._frontdoor.ask(method, path, **rest)
        except FrontDoorAway:
            return Reply(-1, None)

    def _form(self, email: str, trouble: str = "", key: str = "") -> Markup:
        return pages.fill(
            "shop_form.html", email=email, trouble=trouble, key=key or uuid.uuid4(), price=PRICE_CENTS // 100
        )

    def _page(
        self, journey: str, title: str, body: Markup, words: str = "", status: int = 200, intent: str = ""
    ) -> Answer:
        frame = pages.fill(
            "shop.html",
            title=title,
            body=body,
            journey=journey,
            intent=quote(intent, safe=""),
            words=words,
            frontdoor_url=self._frontdoor.url,
        )
        return pages.page(frame, frontdoor_url=self._frontdoor.url, status=status)


def _strings(story: dict[str, Any]) -> dict[str, str]:
    return {name: str(story.get(name, "")) for name in ("id", "title", "section", "minutes", "summary")}


def _card(story: dict[str, Any]) -> Markup:
    label = "Subscribers" if story.get("premium") else "Free to read"
    path = quote(str(story.get("id", "")), safe="")
    return pages.fill("shop_card.html", **_strings(story), path=path, label=label)


def _notice(reply: Reply, what: str) -> Markup:
    if reply.status == -1:
        return _plain_notice(f"{what} is not available: the site cannot reach its front door.")
    wait = reply.seconds("Retry-After")
    when = f" Please try again in {wait} s." if wait else " Please try again in a moment."
    return _plain_notice(f"{what} is not available right now.{when}")


def _plain_notice(words: str) -> Markup:
    return pages.fill("shop_notice.html", words=words)


def _source(reply: Reply) -> str:
    """Where the answer came from, in one line: what the tour points at."""
    if reply.status == -1:
        return "The front door did not answer."
    if reply.status == 0:
        return f"The answer broke off or took too long ({reply.took_ms} ms)."
    kind = reply.headers.get("X-Cache", "")
    by = reply.document.get("served_by", "") if isinstance(reply.document, dict) else ""
    age = reply.seconds("Age")
    told = {
        "LIVE": "live",
        "HIT": "from the cache",
        "STALE": "from the cache, because the service is not callable now",
        "STATIC": "the fixed answer, because the service is not callable now",
    }.get(kind, "")
    aged = f"{age} s old" if age is not None and kind != "LIVE" else ""
    parts = (f"Answered by {by}" if by else f"Status {reply.status}", told, aged, f"{reply.took_ms} ms")
    return " · ".join(part for part in parts if part)


def _outcome(reply: Reply) -> tuple[str, str]:
    """What to tell somebody who may have paid: never a promise that was not given, never a reason to pay twice."""
    if reply.status in (200, 201):
        return "paid", "Welcome! Your subscription is paid and starts now."
    if reply.status == 202:
        return "received", "We have received your request and will confirm it by e-mail. Please do not send it again."
    if reply.status == 402:
        return "declined", "Your card was declined. Nothing has been charged."
    if reply.status in (503, 429, -1):
        wait = reply.seconds("Retry-After")
        when = f"in {wait} s" if wait else "in a minute"
        return "later", f"We cannot take payments at the moment. Nothing has been charged. Please try again {when}."
    return "unknown", (
        "The payment service has not confirmed, so we do not know yet whether you were charged. "
        "The button below asks again for the same order: it can never charge you twice."
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
