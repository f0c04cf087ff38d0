"""Settings that could never work are refused with the field named."""

import pytest

from breakers.core.settings import parse_target, problems, sentence

BASE = {"slug": "catalog", "base_url": "http://127.0.0.1:9001"}


def target(**blocks):
    return parse_target(BASE | blocks)


def test_a_bare_target_has_sound_defaults():
    assert problems(target()) == []


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"breaker": {"policies": []}}, "breaker.policies"),
        ({"breaker": {"success_threshold": 4}}, "breaker.success_threshold"),
        ({"breaker": {"max_wait_duration_in_open_state_s": 1}}, "breaker.max_wait_duration_in_open_state_s"),
        ({"breaker": {"half_open_by": "probe"}}, "breaker.half_open_by"),
        ({"breaker": {"half_open_by": "probe"}, "probe": {"count": 2}}, "probe.count"),
        ({"probe": {"expect_status": "ok"}}, "probe.expect_status"),
        ({"follow_redirects": True, "contracts": [{"limit": 1, "period_s": 1}]}, "follow_redirects"),
        ({"probe": {"timeout_ms": 60_000}}, "probe.timeout_ms"),
        ({"classification": [{"match": "teapot", "outcome": "failure"}]}, "classification[0].match"),
        (
            {
                "breaker": {
                    "policies": [
                        {"type": "failure_rate", "sliding_window_type": "COUNT_BASED", "sliding_window_size": 5}
                    ]
                }
            },
            "breaker.policies[0].minimum_number_of_calls",
        ),
        (
            {"breaker": {"policies": [{"type": "slow_call_rate", "slow_call_duration_threshold_ms": 9000}]}},
            "breaker.policies[0].slow_call_duration_threshold_ms",
        ),
    ],
)
def test_what_could_never_work_is_named_by_its_path(blocks, path):
    assert [problem.path for problem in problems(target(**blocks))] == [path]


def test_the_sentence_says_what_opens_and_what_closes():
    said = sentence(target(breaker={"half_open_by": "probe"}, probe={"path": "/up"}))
    assert said == "Opens after 5 failures in a row; probes GET /up after 30 s; 3 passes close."
