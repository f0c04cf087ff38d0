"""A target's settings as a person reads them: one row a subject, in the order in which a call meets them; pure."""

from collections.abc import Iterator

from breakers.core.settings import TargetSettings

from .wording import NBSP, span


def settings_table(target: TargetSettings) -> list[tuple[str, str]]:
    breaker, cache = target.breaker, target.cache
    rows = [
        ("Address", target.base_url),
        *_reached(target),
        ("Timeout", f"{target.timeout_ms}{NBSP}ms"),
        ("Calls in flight", f"at most {target.max_concurrency} per process"),
        ("Mode", "enforce" if breaker.mode == "enforce" else "observe: counts and concludes, refuses nothing"),
        ("Opens", "; ".join(policy.sentence() for policy in breaker.policies) or "never by itself"),
        ("Waits", _wait(target)),
        ("Closes", _closing(target)),
    ]
    rows += [
        ("Contract", f"{c.limit} calls per {c.period_s:g}{NBSP}s, then {_exhausted(c.on_exhausted, c.max_wait_ms)}")
        for c in target.contracts
    ]
    rows += [
        ("Cache", _cache(cache.write_through, cache.ttl_s, cache.max_stale_s)),
        ("Last resort", "a static answer" if target.fallback.static is not None else "503 with Retry-After"),
        ("Store away", "calls go on" if target.on_store_error == "allow" else "calls are refused"),
    ]
    return rows + [("Counts as", f"{rule.match}: {rule.outcome}") for rule in target.classification]


def _reached(target: TargetSettings) -> Iterator[tuple[str, str]]:
    proxy, credentials = target.proxy, target.credentials
    if proxy is not None:
        yield "Proxy", f"{proxy.url}{f' as {proxy.username}' if proxy.username else ''}"
    if credentials is not None:
        said = f"user {credentials.username}" if credentials.type == "basic" else f"header {credentials.name}"
        yield "Credentials", f"{said}; the secret is kept encrypted"


def _wait(target: TargetSettings) -> str:
    breaker = target.breaker
    text = f"{breaker.wait_duration_in_open_state_s:g}{NBSP}s while open"
    if breaker.wait_backoff_multiplier == 1:
        return text
    longest = span(breaker.max_wait_duration_in_open_state_s * 1000)
    return f"{text}, {breaker.wait_backoff_multiplier:g} times longer after each failed recovery, at most {longest}"


def _closing(target: TargetSettings) -> str:
    breaker, probe = target.breaker, target.probe
    if breaker.half_open_by == "traffic" or probe is None:
        permitted = breaker.permitted_number_of_calls_in_half_open_state
        return f"after {breaker.success_threshold} successes among {permitted} trial calls of real traffic"
    body = f" and a body that contains “{probe.expect_body_contains}”" if probe.expect_body_contains else ""
    answer = f"status {probe.expect_status}{body} within {probe.timeout_ms}{NBSP}ms"
    return f"after {probe.count} probes {probe.method} {probe.path} with {answer}"


def _exhausted(then: str, max_wait_ms: int) -> str:
    return f"wait up to {max_wait_ms}{NBSP}ms" if then == "wait" else "refuse"


def _cache(write_through: bool, ttl_s: float, max_stale_s: float) -> str:
    fresh = (
        f"answers younger than {span(ttl_s * 1000)} are given without a call" if ttl_s else "every request is a call"
    )
    if not write_through:
        return f"{fresh}; nothing is kept for outages"
    if not max_stale_s:
        return f"{fresh}; stale answers are never given"
    return f"{fresh}; while no call may be made, answers up to {span((ttl_s + max_stale_s) * 1000)} old"
