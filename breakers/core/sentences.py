"""Settings as a person would say them, one sentence for each noun, from its public document; pure."""

from datetime import date, timedelta
from typing import Any

from .limits import burst_of, number
from .statements import sentence as statement_sentence

Document = dict[str, Any]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SPANS = {60: "a minute", 120: "2 minutes", 300: "5 minutes", 600: "10 minutes"}
AWAY = {
    "open": "while the store is away everything passes uncounted",
    "closed": "while the store is away it refuses with 503",
    "local": "while the store is away each front door enforces its share",
}
KEYS = {"ip": "IP address", "forwarded_ip": "forwarded IP address", "path": "path", "key": "API key"}


def stage(document: Document) -> str:
    """Where requests enter, and what holds for all of them."""
    hosts = _or(document["hosts"]) or "any host"
    path = document["base_path"]
    parts = [f"Takes requests to {hosts}" + ("" if path == "/" else f" below {path}")]
    rate = document["rate"]
    parts.append("unlimited as a whole" if rate is None else f"at most {pace(rate, document['burst'])} as a whole")
    origins = document["allowed_origins"]
    if origins:
        parts.append("pages of any origin may call" if origins == ["*"] else f"pages of {_and(origins)} may call")
    if document["max_body_bytes"] is not None:
        parts.append(f"bodies up to {document['max_body_bytes']:,} bytes")
    if document["cache"]["ttl_s"]:
        parts.append(
            f"answers are given again for {number(document['cache']['ttl_s'])} s unless a route says otherwise"
        )
    if rate is not None:
        parts.append(AWAY[document["on_store_error"]])
    return _said(parts)


def plan(document: Document) -> str:
    """What each consumer of the plan may do: "100 requests/s, bursts of 200, 1,000,000 a month from …"."""
    rate, granted = document["rate"], document["quota"]
    limits = [] if rate is None else [pace(rate, document["burst"])]
    if granted is not None:
        limits.append(quota(granted))
    parts = [", ".join(limits) or "No limit of its own"]
    overrides = document["overrides"]
    if len(overrides) > 3:
        parts.append(f"{len(overrides)} overrides")
    else:
        parts += [f"{place(each)}: {pace(each['rate'], each['burst'])}" for each in overrides]
    if limits or overrides:
        counting = document["mode"] == "count"
        parts.append("counts what is above and refuses nothing" if counting else "refuses above")
        parts.append(AWAY[document["on_store_error"]])
    stages = document["stages"]
    parts.append(f"opens {_and(stages)}" if stages else "opens no stage")
    return _said(parts)


def throttle(document: Document) -> str:
    """One bucket and what shares it."""
    where = {
        "account": "everything that enters the front door",
        "stage": "everything",
        "route": f"route {document['route']}",
        "method": f"{document['method']} of {document['route'] or 'every route'}",
    }[document["scope"]]
    stage = f" in stage {document['stage']}" if document["stage"] else ""
    return _said(
        [f"{pace(document['rate'], document['burst'])} for {where}{stage} together", AWAY[document["on_store_error"]]]
    )


def rule(document: Document) -> str:
    """Which requests, and what is done to them."""
    action, rate = document["action"], document["rate"]
    verb = {"count": "Counts", "allow": "Lets through", "challenge": "Challenges", "block": "Blocks"}[action]
    tree = document["statement"]
    which = (
        f"requests whose {statement_sentence(tree)}" if _leaf(tree) else f"requests where {statement_sentence(tree)}"
    )
    parts = [f"{verb} {'every request' if not tree else which}"]
    if document["stage"]:
        parts[0] += f" in stage {document['stage']}"
    if rate is not None:
        by = _and([KEYS.get(key) or f"header {key.partition(':')[2]}" for key in rate["keys"]]) or "all together"
        span = SPANS.get(rate["window_s"], f"{rate['window_s']} s")
        parts[0] += f" beyond {rate['limit']:,} in {span}, counted by {by}"
    if document["label"]:
        parts.append(f"puts label {document['label']} on them")
    answer = document.get("answer")
    if action == "block" and answer:
        parts.append(f"answers {answer.get('status') or 'as usual'} with a text of its own")
    parts.append(f"asked at priority {document['priority']}" if document["enabled"] else "disabled: it matches nothing")
    return _said(parts)


def journey(document: Document) -> str:
    """When customers are told of a delay."""
    targets, messages = document["targets"], document["messages"]
    raised = [f"the circuit of {_or(targets)} is open"] if targets else []
    if document["raise_at_age_s"] is not None:
        raised.append(f"an intent has waited for {document['raise_at_age_s']:g} s")
    if document["raise_at_backlog"] is not None:
        raised.append(f"{document['raise_at_backlog']} intents wait")
    if not raised:
        return "Needs no target, so it is delayed only when an operator says so."
    told = (
        f"customers read {len(messages)} message{'s' if len(messages) != 1 else ''}" if messages else "no own message"
    )
    until = ["until the backlog has drained"] if document["clear_on"] == "drained" else []
    return _said([f"Delayed while {_or(raised)}", *until, f"severity {document['severity']}", told])


def consumer(document: Document, *, keys: int = 0, working: int = 0) -> str:
    """Who calls, and with how many keys."""
    held = "no key yet" if not keys else f"{keys} key{'s' if keys != 1 else ''}, of which {working} work"
    told = f"tell {document['contact']} when something is wrong" if document["contact"] else "nobody to tell"
    return _said([f"Consumer {document['slug']} has {held}", told])


def key(document: Document) -> str:
    """What a key opens, and for how long."""
    plans, state = document["plans"], document["state"]
    opens = f"opens the stages of plan {_and(plans)}" if plans else "has no plan, so it opens nothing"
    match state:
        case "revoked":
            ends = f"revoked at {_minute(document['revoked_at'])}"
        case "expired":
            ends = f"expired at {_minute(document['expires_at'])}"
        case "rotated":
            ends = f"replaced, and over since {_minute(document['grace_until'])}"
        case "grace":
            ends = f"replaced, works until {_minute(document['grace_until'])}"
        case _:
            until = document["expires_at"]
            ends = f"works until {_minute(until)}" if until else "never expires"
    return _said([f"Identifies {document['consumer']} and {opens}", ends, "it identifies; it does not authenticate"])


def _leaf(tree: Document) -> bool:
    """Whether the statement reads as a property of a request: "whose path starts with …"."""
    return next(iter(tree), "") in ("path", "method", "ip", "forwarded_ip", "header", "query", "size")


def pace(rate: float, burst: int | None) -> str:
    """`100 requests/s, bursts of 200`."""
    return f"{number(rate)} request{'' if rate == 1 else 's'}/s, bursts of {burst_of(rate, burst):,}"


def quota(granted: Document) -> str:
    """The limit and when it begins anew, by the wall clock: "1,000,000 a month from the 1st 00:00 Europe/Vienna"."""
    days, hours = divmod(granted["offset_h"], 24)
    clock = f"{hours:02}:00 {granted['time_zone']}"
    match granted["period"]:
        case "DAY":
            span = f"a day from {clock}"
        case "WEEK":
            span = f"a week from {WEEKDAYS[days % 7]} {clock}"
        case _:
            first = (date(2001, 1, 1) + timedelta(days=days)).day
            span = f"a month from the {_ordinal(first)} {clock}"
    return f"{granted['limit']:,} {span}"


def _ordinal(day: int) -> str:
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def place(override: Document) -> str:
    """`POST of route articles`, `route articles`, `DELETE of every route`."""
    method, route = override["method"], override["route"]
    if route is None:
        return f"{method} of every route"
    return f"{method} of route {route}" if method else f"route {route}"


def _minute(moment: str | None) -> str:
    """2026-01-31T12:00:00.000Z without what nobody reads."""
    return f"{(moment or '')[:16].replace('T', ' ')} UTC"


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _said(parts: list[str]) -> str:
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}."
