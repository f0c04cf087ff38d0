"""Which kept answers a purge is about."""

import pytest

from breakers.core.purges import Asked, Mark, Purges, header_digest, owner_of, tags_in
from breakers.guard.messages import Request
from breakers.guard.privacy import cache_key, key_rule

ROUTE = "route/main/news/0123abcd"


def key(slug: str = "catalog", path: str = "/a", query: str = "", vary: tuple[str, ...] = (), **headers: str) -> str:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    made = cache_key(key_rule(slug, vary), Request("GET", path, query, fields))
    assert made is not None
    return made


def test_a_target_is_purged_without_its_lookalikes():
    purges = Purges([Mark(10, "catalog")])
    assert purges.of(key("catalog"), ()) == 10
    assert purges.of(key("catalog-2"), ()) == purges.of(key(ROUTE), ()) == 0


def test_a_route_is_purged_in_every_stage():
    purges = Purges([Mark(10, "route/news")])
    assert purges.of(key("route/main/news/0123abcd"), ()) == purges.of(key("route/test/news/ffffffff"), ()) == 10
    assert purges.of(key("route/news/main/0123abcd"), ()) == 0
    assert owner_of(ROUTE) == "route/news"


def test_of_several_purges_the_newest_counts():
    purges = Purges([Mark(10, "catalog"), Mark(30, "catalog"), Mark(20, tag="news"), Mark(5)])
    assert purges.of(key(), ("sport", "news")) == 30
    assert purges.of(key("other"), ("sport", "news")) == 20
    assert purges.of(key("other"), ("sport",)) == 5
    assert [bool(Purges()), bool(purges)] == [False, True]


@pytest.mark.parametrize(
    ("mark", "concerned"),
    [
        (Mark(10, "catalog", path="/a"), True),
        (Mark(10, "catalog", path="/b"), False),
        (Mark(10, "other", path="/a"), False),
        (Mark(10, "catalog", path="/a", query="y=2&x=1"), True),
        (Mark(10, "catalog", path="/a", query="x=1"), False),
        (Mark(10, "catalog", path="/a", query=""), False),
        (Mark(10, "catalog", path="/a", headers={"accept-language": header_digest("de")}), True),
        (Mark(10, "catalog", path="/a", headers={"accept-language": header_digest("en")}), False),
        (Mark(10, "catalog", path="/a", headers={"accept-encoding": header_digest(None)}), True),
        (Mark(10, "catalog", path="/a", headers={"x-of-no-matter": header_digest("1")}), True),
    ],
)
def test_one_request_is_purged_by_path_query_and_headers(mark, concerned):
    kept = key(query="x=1&y=2", vary=("accept-language",), accept_language="de")
    assert bool(Purges([mark]).of(kept, ())) is concerned


def test_a_route_that_looks_at_few_parameters_is_purged_whatever_the_others_were():
    mark = Mark(10, "route/news", path="/a", query="page=2&utm=mail")
    assert Purges([mark]).of(key(ROUTE, query="page=2"), ())
    assert not Purges([mark]).of(key(ROUTE, query="page=3"), ())


def test_values_of_headers_are_not_told():
    asked = Asked.of_key(key(vary=("authorization",), authorization="Bearer secret"))
    assert asked.headers["accept-encoding"] == ""
    assert asked.headers["authorization"] == header_digest("Bearer secret")
    assert "secret" not in str(asked)


def test_answers_tag_themselves_in_either_way_whatever_the_case():
    headers = [("cache-tag", "News, sport ,,"), ("surrogate-key", "a b  News"), ("x-tag", "no")]
    assert tags_in(headers) == ("news", "sport", "a", "b")
