"""The rule that caches hold nothing private, against an oracle that is written as the rule is worded."""

from hypothesis import given
from hypothesis import strategies as st

from breakers.core.settings import CacheSettings, TargetSettings
from breakers.guard.cache import ResponseCache
from breakers.guard.messages import Request
from breakers.guard.transport import WireAnswer

NAMES = ["authorization", "cookie", "accept", "accept-encoding", "x-tenant"]


def cased(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.upper(), name.title()])


names = st.sampled_from(NAMES).flatmap(cased)
request_headers = st.lists(st.tuples(names, st.sampled_from(["", "a", "b", "a,b"])), max_size=4)
vary_headers = st.lists(names, max_size=3).map(tuple)
cache_control = st.sampled_from(
    [
        "no-store",
        "private",
        "Private",
        "max-age=5, no-store",
        'private="x-a"',
        "public",
        "max-age=60",
        "no-storage",
        "x=private",
    ]
)
vary = st.lists(st.sampled_from([*NAMES, "Accept", "*", "X-Tenant"]), min_size=1, max_size=3).map(", ".join)
response_headers = st.lists(
    st.one_of(
        st.tuples(st.just("cache-control"), cache_control),
        st.tuples(st.just("set-cookie"), st.just("s=1")),
        st.tuples(st.just("vary"), vary),
        st.tuples(st.just("etag"), st.just('"1"')),
    ),
    max_size=3,
)


def target(vary: tuple[str, ...]) -> TargetSettings:
    return TargetSettings("t", "http://127.0.0.1:1", cache=CacheSettings(ttl_s=60, vary_headers=vary))


def words(headers: list[tuple[str, str]], wanted: str) -> list[str]:
    return [word.strip().lower() for name, value in headers if name.lower() == wanted for word in value.split(",")]


def may_be_kept(vary: tuple[str, ...], sent: list[tuple[str, str]], got: list[tuple[str, str]], status: int) -> bool:
    """The rule of breakers/guard/privacy.py, word by word."""
    named = {name.lower() for name in vary}
    carried = {name.lower() for name, _ in sent}
    if status != 200:
        return False
    if any(secret in carried and secret not in named for secret in ("authorization", "cookie")):
        return False
    directives = {word.partition("=")[0] for word in words(got, "cache-control")}
    if directives & {"no-store", "private"} or any(name == "set-cookie" for name, _ in got):
        return False
    return set(words(got, "vary")) <= named | {"accept-encoding"}


@given(vary_headers, request_headers, response_headers, st.sampled_from([200, 200, 200, 203, 404]))
def test_exactly_what_the_rule_allows_is_kept(vary, sent, got, status):
    cache, settings = ResponseCache(None), target(vary)
    key = cache.key(settings, Request("GET", "/", "", sent))
    if key is not None:
        cache.keep(settings, key, WireAnswer(status, got, b"body"), 0)
    kept = key is not None and cache.fresh(settings, key, 0) is not None
    assert kept == may_be_kept(vary, sent, got, status)


@given(vary_headers, request_headers, request_headers)
def test_two_requests_share_an_answer_only_if_all_that_it_may_depend_on_is_the_same(vary, one, other):
    cache, settings = ResponseCache(None), target(vary)
    keys = [cache.key(settings, Request("GET", "/", "", headers)) for headers in (one, other)]
    if None in keys:
        return
    watched = {name.lower() for name in vary} | {"accept-encoding"}

    def seen(headers: list[tuple[str, str]]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in headers:
            if name.lower() in watched:
                found.setdefault(name.lower(), []).append(value)
        return found

    assert (keys[0] == keys[1]) == (seen(one) == seen(other))


def test_none_one_empty_and_two_empty_values_are_told_apart():
    cache, settings = ResponseCache(None), target(("x-tenant",))
    keys = [cache.key(settings, Request("GET", "/", "", [("x-tenant", "")] * count)) for count in range(3)]
    assert len(set(keys)) == 3


parts = st.text(st.sampled_from("a?/\n,\0é"), max_size=6)


@given(st.lists(st.tuples(parts, parts, parts, parts), min_size=2, max_size=2, unique=True))
def test_no_two_requests_look_alike_by_what_they_are_put_together_from(requests):
    cache, settings = ResponseCache(None), target(("x-tenant",))
    one, other = (
        cache.key(settings, Request("GET", path, query, [("x-tenant", tenant), ("accept-encoding", encoding)]))
        for path, query, tenant, encoding in requests
    )
    assert one is None or one != other


def test_only_a_get_without_a_body_has_a_key():
    cache, settings = ResponseCache(None), target(())
    assert cache.key(settings, Request("GET", "/"))
    assert all(cache.key(settings, Request(method, "/")) is None for method in ("HEAD", "POST", "PUT", "OPTIONS"))
    assert cache.key(settings, Request("GET", "/", body=b"{}")) is None


def test_targets_and_queries_have_answers_of_their_own():
    cache = ResponseCache(None)
    requests = [
        Request("GET", "/a"),
        Request("GET", "/a", "b"),
        Request("GET", "/a", "b&c"),
        Request("GET", "/a", "c&b"),
    ]
    slugs = [TargetSettings(slug, "http://x.test") for slug in ("a", "b")]
    assert len({cache.key(slug, request) for slug in slugs for request in requests}) == 8
