"""Throttles name what their scope needs, cover what exists, and no two cover the same."""

from typing import Any

import pytest

from breakers.compiling import pieces
from breakers.documents.throttles import document
from breakers.models import Throttle
from breakers.operations import stages, throttles
from compositions.operations import routes
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import to_ms
from controlplane.kernel.errors import Invalid, NotFound


@pytest.fixture(autouse=True)
def surroundings(root: Principal, catalog: Any) -> None:
    stages.put("beta", {"base_path": "/beta"}, by=root)
    routes.put("article", {"path": "/articles/{id}", "integration": {"type": "target", "target": "catalog"}}, by=root)


@pytest.mark.parametrize(
    "place",
    [
        {"scope": "account"},
        {"scope": "stage", "stage": "beta"},
        {"scope": "route", "route": "article"},
        {"scope": "route", "route": "article", "stage": "beta"},
        {"scope": "method", "method": "POST"},
        {"scope": "method", "method": "GET", "route": "article", "stage": "main"},
    ],
    ids=str,
)
def test_what_is_read_can_be_written_back_and_is_what_front_doors_get(root: Principal, place: dict[str, Any]) -> None:
    row, created = throttles.put("calm", {**place, "rate": 10.0}, by=root)
    whole = {"title": "", "stage": None, "route": None, "method": None, "burst": None, "on_store_error": "local"}
    assert (document(row), created) == ({"slug": "calm", **whole, **place, "rate": 10}, True)
    again, created = throttles.put("calm", document(row), by=root)
    assert (document(again), created) == (document(row), False)
    body = next(piece.body for piece in pieces() if piece.kind == "throttle")
    assert body == {**document(row), "created_at_ms": to_ms(row.created_at)}


@pytest.mark.parametrize(
    ("stated", "paths"),
    [
        ({"scope": "account", "stage": "main", "method": "GET"}, ["stage", "method"]),
        ({"scope": "stage"}, ["stage"]),
        ({"scope": "stage", "stage": "main", "route": "article"}, ["route"]),
        ({"scope": "stage", "stage": "gamma"}, ["stage"]),
        ({"scope": "route", "stage": "main"}, ["route"]),
        ({"scope": "route", "route": "article", "method": "GET"}, ["method"]),
        ({"scope": "route", "route": "nothing"}, ["route"]),
        ({"scope": "method", "route": "article"}, ["method"]),
        ({"scope": "method", "method": "BREW"}, ["method"]),
        ({"scope": "region"}, ["scope"]),
        ({"scope": "account", "rate": 0}, ["rate"]),
        ({"scope": "account", "rate": None}, ["rate"]),
        ({"scope": "account", "colour": "red"}, ["colour"]),
    ],
    ids=str,
)
def test_a_malformed_throttle_is_refused_with_its_paths(
    root: Principal, stated: dict[str, Any], paths: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        throttles.put("calm", {"rate": 5, **stated}, by=root)
    assert [problem.path for problem in refused.value.problems] == paths
    assert not Throttle.objects.exists()


def test_no_two_throttles_cover_the_same(root: Principal) -> None:
    throttles.put("calm", {"scope": "route", "route": "article", "rate": 5}, by=root)
    with pytest.raises(Invalid) as refused:
        throttles.put("calmer", {"scope": "route", "route": "article", "rate": 2}, by=root)
    assert "Throttle calm covers exactly this" in refused.value.problems[0].message
    throttles.put("calmer", {"scope": "route", "route": "article", "stage": "beta", "rate": 2}, by=root)


def test_a_patch_keeps_the_rest_and_a_deleted_throttle_is_gone(root: Principal) -> None:
    throttles.put("calm", {"scope": "account", "rate": 5, "burst": 9, "title": "All"}, by=root)
    row = throttles.patch("calm", {"rate": 7, "burst": None}, by=root)
    assert (row.title, row.rate, row.burst) == ("All", 7, None)
    throttles.delete("calm", by=root)
    with pytest.raises(NotFound):
        throttles.delete("calm", by=root)
