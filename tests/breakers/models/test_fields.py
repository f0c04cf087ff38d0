"""A list of words is kept so that a query finds one of them, and nothing else that only begins like it."""

import pytest

from breakers.models import Target

pytestmark = pytest.mark.django_db


def test_words_come_back_as_they_went() -> None:
    Target.objects.create(slug="a", base_url="http://a", tags=["money", "new york"])
    Target.objects.create(slug="b", base_url="http://b", tags=[])
    assert [target.tags for target in Target.objects.order_by("slug")] == [["money", "new york"], []]


def test_a_query_finds_a_whole_word() -> None:
    Target.objects.create(slug="a", base_url="http://a", tags=["money"])
    Target.objects.create(slug="b", base_url="http://b", tags=["moneyless"])
    assert list(Target.objects.filter(tags__contains=",money,").values_list("slug", flat=True)) == ["a"]
