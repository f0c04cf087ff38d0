"""What each downstream of the site does while it is healthy: its paths and its answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import quote

from compositions.practice_range import catalogue
from compositions.practice_range.customers import Customers, Register
from compositions.practice_range.payments import Ledger
from compositions.practice_range.wire import Answer, Request, json_answer, problem

Endpoint = Callable[..., Answer]
Path = tuple[str, str, Endpoint]
MAX_RESULTS = 10


class Paths:
    """A service's own paths: (method, pattern, endpoint). Named groups become keyword arguments."""

    def __init__(self, slug: str, *paths: Path) -> None:
        health: Path = ("GET", r"/health", lambda request: json_answer({"status": "ok", "service": slug}))
        self._paths = [(method, re.compile(pattern), endpoint) for method, pattern, endpoint in (health, *paths)]

    def __call__(self, request: Request) -> Answer:
        asked = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for method, pattern, endpoint in self._paths:
            match = pattern.fullmatch(request.path)
            if match and method == asked:
                return endpoint(request, **match.groupdict())
            if match:
                allowed.append(method)
        if allowed:
            return problem(405, f"{request.path} takes {', '.join(allowed)}.", allow=", ".join(allowed))
        return problem(404, f"There is nothing at {request.path}.")


def _fields(request: Request) -> dict[str, Any] | None:
    """The JSON object in the body, {} for no body, None for anything else."""
    try:
        document = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _not_an_object() -> Answer:
    return problem(400, "Send a JSON object.")


# Reading ------------------------------------------------------------------------------------------------------------


def _list(request: Request, *, served_by: str) -> Answer:
    section = request.query.get("section", "").lower()
    stories = [story.teaser() for story in catalogue.STORIES if section in ("", story.section.lower())]
    return json_answer({"articles": stories, "served_by": served_by})


def _story(request: Request, id: str, *, served_by: str, whole: bool) -> Answer:
    story = catalogue.BY_ID.get(id)
    if story is None:
        return problem(404, f"There is no article {id!r}.")
    open_to_all = whole or not story.premium
    document = {**story.teaser(), "text": story.text if open_to_all else None}
    return json_answer({**document, "served_by": served_by})


def _search(request: Request) -> Answer:
    words = request.query.get("q", "")
    found = catalogue.find(words, in_text=True)
    results = [{**story.teaser(), "snippet": story.summary} for story in found[:MAX_RESULTS]]
    return json_answer({"query": words, "total": len(found), "results": results, "served_by": "search"})


def _old_search(request: Request) -> Answer:
    # The old search knows titles only. That is the visible difference when the route is moved.
    words = request.query.get("q", "")
    found = catalogue.find(words, in_text=False)
    results = [story.teaser() for story in found[:MAX_RESULTS]]
    return json_answer({"query": words, "total": len(found), "results": results, "served_by": "monolith"})


def _page(title: str) -> Endpoint:
    return lambda request: json_answer({"title": title, "served_by": "monolith"})


# Subscribing --------------------------------------------------------------------------------------------------------


def _charge(request: Request, *, ledger: Ledger, served_by: str) -> Answer:
    fields = _fields(request)
    if fields is None:
        return _not_an_object()
    customer, item = fields.get("customer", "anonymous"), fields.get("item", "premium")
    amount_cents = fields.get("amount_cents", 900)
    if not isinstance(amount_cents, int) or isinstance(amount_cents, bool) or not 0 < amount_cents <= 1_000_000:
        return problem(400, "Send amount_cents as a whole number from 1 to 1000000.")
    if "declined" in str(customer):
        return json_answer({"status": "declined", "customer": customer, "served_by": served_by}, 402)
    key = request.headers.get("idempotency-key", "").strip('" ') or None
    charge, is_new = ledger.charge(key=key, customer=str(customer), item=str(item), amount_cents=amount_cents)
    document = {"status": "paid", **asdict(charge), "served_by": served_by}
    if is_new:
        return json_answer(document, 201, {"Location": f"/charges?key={quote(key)}"} if key else None)
    return json_answer(document, 200, {"Idempotent-Replayed": "true"})


def _charges(request: Request, *, ledger: Ledger) -> Answer:
    return json_answer(ledger.document(request.query.get("customer"), request.query.get("key")))


def _refund(request: Request, *, ledger: Ledger) -> Answer:
    fields = _fields(request)
    if fields is None:
        return _not_an_object()
    charge = ledger.refund(str(fields.get("charge", "")))
    if charge is None:
        return problem(404, f"There is no charge {fields.get('charge')!r}. Send its id as charge.")
    return json_answer({"status": "refunded", **asdict(charge), "served_by": "payment"})


def _enter(request: Request, *, register: Register, served_by: str) -> Answer:
    """Note something of a customer; the same Idempotency-Key, or without one the same fields, are noted once."""
    fields = _fields(request)
    if fields is None:
        return _not_an_object()
    customer = fields.get("customer")
    if not isinstance(customer, str) or not customer:
        return problem(400, "Send customer as an address, for example reader@example.org.")
    key = request.headers.get("idempotency-key", "").strip('" ') or json.dumps(fields, sort_keys=True)
    entry, is_new = register.add(key, {**fields, "customer": customer})
    return json_answer({**entry, "served_by": served_by}, 201 if is_new else 200)


def _entered(request: Request, *, register: Register) -> Answer:
    return json_answer({"entries": register.of(request.query.get("customer"))})


def _check(request: Request) -> Answer:
    fields = _fields(request)
    if fields is None:
        return _not_an_object()
    customer = str(fields.get("customer", "anonymous"))
    verdict = "refuse" if "fraud" in customer else "pass"
    return json_answer({"customer": customer, "verdict": verdict, "served_by": "fraud"})


def _sign_up(request: Request, *, served_by: str) -> Answer:
    fields = _fields(request)
    if fields is None:
        return _not_an_object()
    email = fields.get("email")
    if not isinstance(email, str) or "@" not in email:
        return problem(400, "Send email as an address, for example reader@example.org.")
    return json_answer({"email": email, "status": "subscribed", "served_by": served_by}, 201)


def _points(request: Request, reader: str) -> Answer:
    # Stable for a reader and free of storage, which is all that a tour needs.
    points = sum(reader.encode()) * 7 % 1000
    return json_answer({"reader": reader, "points": points, "served_by": "loyalty"})


def handlers(ledger: Ledger, customers: Customers) -> dict[str, Callable[[Request], Answer]]:
    """A handler for each service. The monolith answers every public path of the site in its old way."""
    return {
        "articles": Paths(
            "articles",
            ("GET", r"/articles", partial(_list, served_by="articles")),
            ("GET", r"/articles/(?P<id>[\w-]+)", partial(_story, served_by="articles", whole=False)),
        ),
        "search": Paths("search", ("GET", r"/search", _search)),
        "payment": Paths(
            "payment",
            ("POST", r"/charges", partial(_charge, ledger=ledger, served_by="payment")),
            ("GET", r"/charges", partial(_charges, ledger=ledger)),
            ("POST", r"/refunds", partial(_refund, ledger=ledger)),
        ),
        "content": Paths(
            "content",
            ("GET", r"/content/(?P<id>[\w-]+)", partial(_story, served_by="content", whole=True)),
            ("POST", r"/entitlements", partial(_enter, register=customers.entitlements, served_by="content")),
            ("GET", r"/entitlements", partial(_entered, register=customers.entitlements)),
        ),
        "newsletter": Paths("newsletter", ("POST", r"/subscriptions", partial(_sign_up, served_by="newsletter"))),
        "loyalty": Paths(
            "loyalty",
            ("GET", r"/points/(?P<reader>[^/]+)", _points),
            ("POST", r"/members", partial(_enter, register=customers.members, served_by="loyalty")),
            ("GET", r"/members", partial(_entered, register=customers.members)),
        ),
        "fraud": Paths("fraud", ("POST", r"/checks", _check)),
        "monolith": Paths(
            "monolith",
            ("GET", r"/", _page("Parallax, the old front page")),
            ("GET", r"/about", _page("About Parallax")),
            ("GET", r"/archive", _page("The archive, by year")),
            ("GET", r"/articles", partial(_list, served_by="monolith")),
            ("GET", r"/articles/(?P<id>[\w-]+)", partial(_story, served_by="monolith", whole=False)),
            ("GET", r"/premium/(?P<id>[\w-]+)", partial(_story, served_by="monolith", whole=True)),
            ("GET", r"/search", _old_search),
            ("POST", r"/subscribe", partial(_charge, ledger=ledger, served_by="monolith")),
            ("POST", r"/newsletter", partial(_sign_up, served_by="monolith")),
            ("POST", r"/notifications", partial(_enter, register=customers.notifications, served_by="monolith")),
            ("GET", r"/notifications", partial(_entered, register=customers.notifications)),
        ),
    }
