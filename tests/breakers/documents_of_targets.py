"""Targets as a careful operator might state them, drawn at random; every one of them can work."""

from typing import Any

from hypothesis import strategies as st

WORDS = st.text("abcdefghij -", min_size=1, max_size=12).map(str.strip).filter(bool)
SECONDS = st.one_of(st.integers(1, 3600), st.floats(0.5, 3600, allow_nan=False).map(lambda value: round(value, 3)))


def some(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Any subset of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def window(draw: Any) -> dict[str, Any]:
    return draw(
        some(
            sliding_window_type=st.sampled_from(["TIME_BASED", "COUNT_BASED"]),
            sliding_window_size=st.integers(100, 3600),
            minimum_number_of_calls=st.integers(1, 100),
        )
    )


@st.composite
def policies(draw: Any, timeout_ms: int) -> dict[str, Any]:
    match draw(st.sampled_from(["consecutive_failures", "failure_rate", "slow_call_rate"])):
        case "consecutive_failures" as kind:
            return {"type": kind, **draw(some(threshold=st.integers(1, 50)))}
        case "failure_rate" as kind:
            return {"type": kind, **draw(some(failure_rate_threshold=st.integers(1, 100))), **window(draw)}
        case kind:
            own = some(
                slow_call_duration_threshold_ms=st.just(timeout_ms), slow_call_rate_threshold=st.integers(1, 100)
            )
            return {"type": kind, **draw(own), **window(draw)}


@st.composite
def targets(draw: Any) -> dict[str, Any]:
    timeout_ms = draw(st.integers(1, 60_000))
    document = draw(
        some(
            title=WORDS,
            description=WORDS,
            owner=WORDS,
            tags=st.lists(WORDS, max_size=3),
            runbook_url=st.just("https://wiki/runbooks/1"),
            kind=st.sampled_from(["http", "on_prem", "third_party", "lambda"]),
            max_concurrency=st.integers(1, 10_000),
            follow_redirects=st.booleans(),
            on_store_error=st.sampled_from(["allow", "refuse"]),
            classification=st.lists(
                st.fixed_dictionaries(
                    {
                        "match": st.sampled_from(["5xx", "404", "429|timeout", "500-503"]),
                        "outcome": st.sampled_from(["failure", "success", "ignore", "throttle"]),
                    }
                ),
                max_size=3,
            ),
            contracts=st.lists(
                st.fixed_dictionaries(
                    {"limit": st.integers(1, 1000), "period_s": SECONDS},
                    optional={
                        "on_exhausted": st.sampled_from(["reject", "wait"]),
                        "max_wait_ms": st.integers(0, 60_000),
                    },
                ),
                max_size=3,
            ),
            cache=some(
                write_through=st.booleans(),
                ttl_s=SECONDS,
                max_stale_s=SECONDS,
                vary_headers=st.lists(st.sampled_from(["Accept", "accept-language", "Cookie"]), max_size=2),
            ),
            fallback=some(static=st.one_of(st.none(), st.just({"items": []}), st.just("Come back later."))),
            probe=some(
                method=st.sampled_from(["GET", "HEAD"]),
                path=st.sampled_from(["/health", "/ready?deep=1"]),
                expect_status=st.sampled_from(["200", "2xx,304", "200-299"]),
                expect_body_contains=st.sampled_from([None, " ok "]),
                interval_s=SECONDS,
                count=st.integers(1, 20),
            ),
        )
    )
    if document.get("contracts"):
        document.pop("follow_redirects", None)
    document["breaker"] = draw(
        some(
            mode=st.sampled_from(["enforce", "observe"]),
            policies=st.lists(policies(timeout_ms), min_size=1, max_size=3),
            wait_duration_in_open_state_s=SECONDS,
            wait_backoff_multiplier=st.floats(1, 10).map(lambda value: round(value, 2)),
        )
    )
    return {**document, "base_url": "http://127.0.0.1:9001", "timeout_ms": timeout_ms}
