"""Classification: what an answer or an error counts as."""

import pytest

from breakers.core.outcomes import ERRORS, ClassificationRule, Outcome, compile_classifier, parse_match


def classifier(*rules: tuple[str, str]):
    return compile_classifier(ClassificationRule(match, Outcome(outcome)) for match, outcome in rules)


def test_by_default_server_errors_fail_throttling_is_apart_and_a_callers_mistake_succeeds():
    default = classifier()
    found = {status: default.status(status) for status in (200, 301, 404, 429, 500, 503)}
    assert found == {200: "success", 301: "success", 404: "success", 429: "throttle", 500: "failure", 503: "failure"}
    assert {default.error(name) for name in ERRORS} == {Outcome.FAILURE}


@pytest.mark.parametrize(
    ("match", "statuses"),
    [("404", {404}), ("4xx", set(range(400, 500))), ("500-502", {500, 501, 502}), ("404|410", {404, 410})],
)
def test_a_match_names_a_status_a_class_a_range_or_several(match, statuses):
    assert parse_match(match) == (statuses, set())


def test_the_first_matching_rule_wins_over_later_ones_and_over_the_defaults():
    mine = classifier(("503", "ignore"), ("5xx|timeout", "throttle"))
    assert (mine.status(503), mine.status(500), mine.error("timeout")) == ("ignore", "throttle", "throttle")
    assert mine.error("connect_error") == "failure"


@pytest.mark.parametrize("match", ["", "6xx", "99", "500-400", "teapot", "5xx|", "1000"])
def test_a_match_that_is_not_understood_is_refused_with_the_word(match):
    with pytest.raises(ValueError, match=r"is neither a status|is not a range"):
        parse_match(match)
