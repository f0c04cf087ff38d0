"""The audit's page, and what changed as a list of fields."""

from typing import Any

import pytest
from django.test import Client

from controlplane.audit.chain import record
from controlplane.audit.diff import Difference, differences
from controlplane.kernel.access import Principal


def test_differences_name_leaves_by_their_path() -> None:
    before = {"title": "Catalog", "breaker": {"policies": [{"threshold": 5}]}, "tags": []}
    after = {"title": "Catalog", "breaker": {"policies": [{"threshold": 3}, {"threshold": 9}]}, "tags": ["a"]}
    assert differences(before, after) == [
        Difference("breaker.policies[0].threshold", "5", "3"),
        Difference("breaker.policies[1].threshold", None, "9"),
        Difference("tags", "[]", None),
        Difference("tags[0]", None, "a"),
    ]


def test_creation_and_deletion_list_every_field() -> None:
    assert differences(None, {"a": 1}) == [Difference("a", None, "1")]
    assert differences({"a": None}, None) == [Difference("a", "null", None)]


@pytest.fixture
def entries(db: None) -> None:
    anna = Principal("anna", "user", 1)
    record(
        action="target.update", subject="target:catalog", by=anna, before={"a": 1}, after={"a": 2}, reason="<b>slow</b>"
    )
    record(action="journey.create", subject="journey:search", by=anna, after={"a": 3})


@pytest.mark.usefixtures("entries")
def test_it_says_who_when_what_why_and_the_difference(logged_in: Any) -> None:
    page = logged_in("viewer").get("/audit/").content.decode()
    for words in ("anna", "target.update", "target:catalog", "<del>1</del>", "<ins>2</ins>", "UTC", "&lt;b&gt;slow"):
        assert words in page


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("subject", ["target:catalog", "target:"])
def test_it_can_be_narrowed_to_a_subject_or_a_kind(logged_in: Any, subject: str) -> None:
    page = logged_in("viewer").get("/audit/", {"subject": subject}).content.decode()
    assert "target.update" in page
    assert "journey.create" not in page


def test_it_needs_a_login_and_a_role(client: Client, django_user_model: Any, db: None) -> None:
    assert client.get("/audit/")["Location"] == "/login/?next=/audit/"
    client.force_login(
        django_user_model.objects.create_user("nobody"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert client.get("/audit/", headers={"Accept": "text/html"}).status_code == 403
