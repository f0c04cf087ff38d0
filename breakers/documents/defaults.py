"""From what an operator stated to a complete document: defaults, some of which adapt to what was stated.

Only values that were stated can contradict each other: a default steps aside for them. `timeout_ms` alone stays as it
is, since it is a promise to callers.
"""

from typing import Any

Document = dict[str, Any]

LONGEST_WINDOW = 3600

PLAIN: Document = {
    "slug": "",
    "title": "",
    "description": "",
    "owner": "",
    "team": "",
    "tags": [],
    "contact": "",
    "runbook_url": "",
    "status_page_url": "",
    "base_url": "",
    "kind": "http",
    "timeout_ms": 2000,
    "max_concurrency": 64,
    "follow_redirects": False,
    "on_store_error": "allow",
}
CONTRACT: Document = {"limit": 1, "period_s": 1, "on_exhausted": "reject", "max_wait_ms": 500}
CACHE: Document = {"write_through": True, "ttl_s": 0, "max_stale_s": 86_400, "vary_headers": []}
FALLBACK: Document = {"static": None}
PROXY: Document = {"url": "", "username": "", "password": None}
CREDENTIALS: dict[str, Document] = {
    "basic": {"type": "basic", "username": "", "password": None},
    "header": {"type": "header", "name": "", "value": None},
}
SECRETS = ("password", "value")
POLICIES: list[Document] = [{"type": "consecutive_failures"}]


def complete(stated: Document) -> Document:
    """The whole document, in the order of INTERFACE; `stated` is left as it is."""
    document = _over(PLAIN, stated)
    breaker, probe = stated.get("breaker") or {}, stated.get("probe")
    halves = _half_open(breaker, probe)
    document["breaker"] = {
        "mode": breaker.get("mode", "enforce"),
        "policies": [_policy(p, document["timeout_ms"]) for p in breaker.get("policies", POLICIES)],
        **_waits(breaker),
        **{name: halves[name] for name in _HALVES},
    }
    document["probe"] = None if probe is None else _probe(probe, halves)
    document["classification"] = [dict(rule) for rule in stated.get("classification", [])]
    document["contracts"] = [_over(CONTRACT, contract) for contract in stated.get("contracts", [])]
    document["cache"] = _over(CACHE, stated.get("cache") or {})
    document["fallback"] = _over(FALLBACK, stated.get("fallback") or {})
    document["proxy"] = _concealed(PROXY, stated.get("proxy"))
    credentials = stated.get("credentials")
    document["credentials"] = _concealed(CREDENTIALS[credentials["type"]] if credentials else {}, credentials)
    return document


def _concealed(defaults: Document, stated: Document | None) -> Document | None:
    """A block with its secret as it is shown: set, or not."""
    if stated is None:
        return None
    found = _over(defaults, stated)
    return {
        name: {"set": True} if name in SECRETS and isinstance(value, str) else value for name, value in found.items()
    }


_HALVES = (
    "permitted_number_of_calls_in_half_open_state",
    "success_threshold",
    "max_wait_duration_in_half_open_state_s",
    "half_open_by",
)


def _over(defaults: Document, stated: Document) -> Document:
    return {name: stated.get(name, default) for name, default in defaults.items()}


def _waits(breaker: Document) -> Document:
    wait = breaker.get("wait_duration_in_open_state_s", 30)
    longest = breaker.get("max_wait_duration_in_open_state_s")
    return {
        "wait_duration_in_open_state_s": wait,
        "wait_backoff_multiplier": breaker.get("wait_backoff_multiplier", 1.0),
        "max_wait_duration_in_open_state_s": max(600, wait) if longest is None else longest,
    }


def _half_open(breaker: Document, probe: Document | None) -> Document:
    """How recovery is tried. A round has `count` calls, which matter where probes give the verdict."""
    by = breaker.get("half_open_by") or ("traffic" if probe is None else "probe")
    count = (probe or {}).get("count") if by == "probe" else None
    permitted, threshold = breaker.get(_HALVES[0]), breaker.get("success_threshold")
    if permitted is None:
        permitted = max(count or 0, threshold or 0) or 3
    if threshold is None:
        threshold = permitted if count is None else min(permitted, count)
    calls = (probe or {}).get("count") or permitted
    timeout = (probe or {}).get("timeout_ms")
    verdict = breaker.get("max_wait_duration_in_half_open_state_s")
    if timeout is None:
        timeout = 1000 if verdict is None else max(1, min(1000, int(verdict * 1000 / calls)))
    if verdict is None:
        verdict = 30 if probe is None else max(30, calls * timeout / 1000)
    return {
        **dict(zip(_HALVES, (permitted, threshold, verdict, by), strict=True)),
        "count": calls,
        "timeout_ms": timeout,
    }


def _probe(probe: Document, halves: Document) -> Document:
    return {
        "method": probe.get("method", "GET"),
        "path": probe.get("path", "/health"),
        "expect_status": probe.get("expect_status", "200-299"),
        "expect_body_contains": probe.get("expect_body_contains"),
        "timeout_ms": halves["timeout_ms"],
        "interval_s": probe.get("interval_s", 10),
        "count": halves["count"],
    }


def _policy(stated: Document, timeout_ms: int) -> Document:
    match stated["type"]:
        case "consecutive_failures":
            return {"type": stated["type"], "threshold": stated.get("threshold", 5)}
        case "failure_rate":
            own = {"failure_rate_threshold": stated.get("failure_rate_threshold", 50)}
        case _:
            own = {
                "slow_call_duration_threshold_ms": stated.get("slow_call_duration_threshold_ms", min(500, timeout_ms)),
                "slow_call_rate_threshold": stated.get("slow_call_rate_threshold", 50),
            }
    return {"type": stated["type"], **own, **_window(stated)}


def _window(stated: Document) -> Document:
    """A window of calls holds at most its size; the default of one follows the other, as in resilience4j."""
    type_ = stated.get("sliding_window_type", "TIME_BASED")
    minimum, size = stated.get("minimum_number_of_calls"), stated.get("sliding_window_size")
    if type_ == "COUNT_BASED":
        size = min(LONGEST_WINDOW, max(30, minimum or 0)) if size is None else size
        minimum = min(20, size) if minimum is None else minimum
    return {
        "minimum_number_of_calls": 20 if minimum is None else minimum,
        "sliding_window_type": type_,
        "sliding_window_size": 30 if size is None else size,
    }
