"""A journey names the targets that it needs; an operator's word on its delay outranks its circuits until it ends."""

from datetime import timedelta
from typing import Any

import pytest

from breakers.documents.journeys import document
from breakers.models import JourneyDelay, Target
from breakers.operations import journeys, targets
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Invalid, NotFound

READING = {
    "title": "Reading",
    "targets": ["search", "catalog"],
    "severity": "info",
    "messages": {"en": "Soon.", "de": "Bald."},
}
BY_CIRCUITS_ALONE = {"raise_at_age_s": None, "raise_at_backlog": None, "clear_on": "close"}


@pytest.fixture(autouse=True)
def search(catalog: Target, root: Principal) -> None:
    targets.put("search", {"base_url": "http://127.0.0.1:9002"}, by=root)


def test_a_journey_keeps_the_order_of_its_targets(root: Principal) -> None:
    row, created = journeys.put("reading", READING, by=root)
    assert created
    assert document(row) == {"slug": "reading", **READING, **BY_CIRCUITS_ALONE}
    again, created = journeys.put("reading", document(row), by=root)
    assert not created
    assert document(again) == document(row)


def test_a_patch_changes_one_message_and_keeps_the_rest(root: Principal) -> None:
    journeys.put("reading", READING, by=root)
    row = journeys.patch("reading", {"messages": {"de": None, "fr": "Bientôt."}}, by=root)
    assert document(row)["messages"] == {"en": "Soon.", "fr": "Bientôt."}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"targets": ["catalog", "nothing"]}, "targets[1]"),
        ({"targets": ["catalog", "catalog"]}, "targets"),
        ({"targets": ["No Slug"]}, "targets[0]"),
        ({"severity": "loud"}, "severity"),
        ({"messages": {"english": "Soon."}}, "messages.english"),
        ({"messages": {"en": ""}}, "messages.en"),
        ({"messages": {"en": "{name} is slow."}}, "messages.en"),
        ({"messages": {"en": "{time is long."}}, "messages.en"),
        ({"raise_at_age_s": 0}, "raise_at_age_s"),
        ({"raise_at_backlog": 1.5}, "raise_at_backlog"),
        ({"clear_on": "never"}, "clear_on"),
        ({"colour": "red"}, "colour"),
    ],
    ids=str,
)
def test_a_malformed_journey_is_refused_with_its_path(root: Principal, change: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        journeys.put("reading", {**READING, **change}, by=root)
    assert [problem.path for problem in refused.value.problems] == [path]


def test_a_word_takes_the_journeys_severity_and_an_hour_unless_told(root: Principal, ada: Principal) -> None:
    journeys.put("reading", READING, by=root)
    word = journeys.put_delay("reading", reason="backlog", by=ada)
    assert (word.delayed, word.severity, word.message, word.by) == (True, "info", "", "ada")
    assert word.expires_at is not None
    assert word.expires_at - word.since == timedelta(hours=1)


def test_a_word_is_replaced_cleared_and_forgotten(root: Principal, ada: Principal) -> None:
    journeys.put("reading", READING, by=root)
    journeys.put_delay("reading", reason="backlog", by=ada, message="Please wait.")
    journeys.put_delay("reading", reason="over", by=ada, delayed=False, severity="critical", expires_in_s=None)
    word = JourneyDelay.objects.get()
    assert (word.delayed, word.severity, word.message, word.expires_at) == (False, "critical", "", None)
    journeys.clear_delay("reading", reason="done", by=ada)
    with pytest.raises(NotFound):
        journeys.clear_delay("reading", reason="done", by=ada)
    with pytest.raises(Invalid):
        journeys.clear_delay("reading", reason="", by=ada)


def test_words_that_have_expired_are_tidied(root: Principal, ada: Principal) -> None:
    journeys.put("reading", READING, by=root)
    journeys.put_delay("reading", reason="backlog", by=ada, expires_in_s=60)
    assert journeys.expire() == []
    assert journeys.expire(clock.now() + timedelta(seconds=61)) == ["reading"]
    assert not JourneyDelay.objects.exists()
