"""Statements against a plain reading of them: every tree, over many requests, compiled and through the index."""

import string
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakers.core.statements import Index, Traits, compile_statement, problems

PATHS = ["/", "/api/", "/api/v1", "/API/v1", "/admin/users.php", "/a b", "/very/long/path/that/goes/on"]
ADDRESSES = ["10.0.0.1", "10.1.2.3", "192.0.2.7", "::1", "2001:db8::5", "::ffff:10.0.0.1", "nonsense", ""]
NETWORKS = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::/0", "0.0.0.0/0", "::ffff:10.0.0.0/104"]
WORDS = ["/", "/api", "/API", "v1", "users.php", "curl", "Curl", "x", "1"]
QUERIES = ["", "q=1", "q=x&q=curl", "page=1", "Q=1", "q=", "%71=v1", "q=a+b&&page", "token=x%20y"]
AGENTS: list[list[tuple[bytes, bytes]]] = [
    [],
    [(b"user-agent", b"curl/8")],
    [(b"user-agent", b"Mozilla"), (b"x-a", b"1"), (b"x-a", b"v1")],
    [(b"x-a", "ü".encode()), (b"x-a", b"\xff")],
]


def plain(tree: dict[str, Any], traits: Traits) -> bool:
    """The statement read word by word, with nothing prepared."""
    ((kind, body),) = tree.items() or (("all", []),)
    match kind:
        case "all":
            return all(plain(branch, traits) for branch in body)
        case "any":
            return any(plain(branch, traits) for branch in body)
        case "not":
            return not plain(body, traits)
        case "ip":
            return any(within(traits.peer, network) for network in body)
        case "forwarded_ip":
            return any(within(traits.client, network) for network in body)
        case "path":
            return compares(body, [traits.path])
        case "method":
            return traits.method in body
        case "header":
            name = body["name"].lower().encode()
            values = [value for field, value in traits.headers if field == name]
            return compares(body, [decoded(value) for value in values])
        case "query":
            pairs = parse_qsl(traits.query, keep_blank_values=True)
            return compares(body, [value for name, value in pairs if name == body["name"]])
        case "label":
            return body in traits.labels
    sizes = {"body": traits.body_bytes, "headers": traits.header_bytes, "query": len(traits.query)}
    return bool({**sizes, "path": len(traits.raw_path)}[body["of"]] > body["over"])


def decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def within(text: str, network: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    held = ip_network(network)
    if held.version == 6 and held.prefixlen >= 96 and held.network_address.ipv4_mapped:
        return address.version == 4 and ip_address(f"::ffff:{address}") in held
    return address in held


def compares(condition: dict[str, Any], values: list[str]) -> bool:
    if "present" in condition:
        return bool(values) is condition["present"]
    ((operator, given_words),) = [(name, condition[name]) for name in condition if name not in ("name", "ignore_case")]
    words = [given_words] if isinstance(given_words, str) else given_words
    if condition.get("ignore_case"):
        values, words = [value.casefold() for value in values], [word.casefold() for word in words]
    tests = {
        "is": lambda value, word: value == word,
        "starts": lambda value, word: value.startswith(word),
        "ends": lambda value, word: value.endswith(word),
        "contains": lambda value, word: word in value,
    }
    return any(tests[operator](value, word) for value in values for word in words)


words = st.one_of(st.sampled_from(WORDS), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
paths = st.sampled_from(["/", "/api", "/API/v1", "/admin/users.php", "/a b"])
case = st.fixed_dictionaries({}, optional={"ignore_case": st.booleans()})


def joined(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda dicts: {name: value for one in dicts for name, value in one.items()})


operators = joined(
    st.one_of(
        st.sampled_from(["is", "starts", "ends", "contains"]).flatmap(lambda o: st.fixed_dictionaries({o: words}))
    ),
    case,
)
asked = st.one_of(operators, st.fixed_dictionaries({"present": st.booleans()}))
networks = st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=3)
leaves = st.one_of(
    st.just({}),
    networks.map(lambda value: {"ip": value}),
    networks.map(lambda value: {"forwarded_ip": value}),
    joined(st.fixed_dictionaries({"starts": paths}), case).map(lambda value: {"path": value}),
    joined(st.fixed_dictionaries({"is": st.lists(paths, min_size=1)}), case).map(lambda value: {"path": value}),
    joined(st.fixed_dictionaries({"contains": words}), case).map(lambda value: {"path": value}),
    st.lists(st.sampled_from(["GET", "POST"]), min_size=1, unique=True).map(lambda value: {"method": value}),
    joined(st.fixed_dictionaries({"name": st.sampled_from(["User-Agent", "x-a"])}), asked).map(lambda v: {"header": v}),
    joined(st.fixed_dictionaries({"name": st.sampled_from(["q", "page"])}), asked).map(lambda value: {"query": value}),
    st.sampled_from(["bad", "good"]).map(lambda value: {"label": value}),
    st.tuples(st.sampled_from(["body", "headers", "query", "path"]), st.sampled_from([0, 4, 100])).map(
        lambda pair: {"size": {"of": pair[0], "over": pair[1]}}
    ),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"all": branches}),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"any": branches}),
        inner.map(lambda branch: {"not": branch}),
    ),
    max_leaves=8,
)
requests = st.builds(
    Traits,
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(PATHS),
    raw_path=st.sampled_from(["/", "/api/%20/x"]),
    query=st.sampled_from(QUERIES),
    headers=st.sampled_from(AGENTS),
    peer=st.sampled_from(ADDRESSES),
    client=st.sampled_from(ADDRESSES),
    body_bytes=st.sampled_from([0, 5, 200]),
    header_bytes=st.sampled_from([0, 5, 200]),
    labels=st.sampled_from([frozenset(), frozenset(["bad"]), frozenset(["bad", "good"])]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(trees, min_size=1, max_size=6), st.lists(requests, min_size=1, max_size=6))
def test_compiled_and_indexed_statements_say_what_a_plain_reading_says(
    given_trees: list[dict[str, Any]], given_requests: list[Traits]
) -> None:
    assert [fault for tree in given_trees for fault in problems(tree) if fault.code != "too_deep"] == []
    compiled = [compile_statement(tree) for tree in given_trees]
    index = Index(given_trees)
    for traits in [*given_requests, *given_requests]:  # twice: what was remembered must still be right
        expected = {at for at, tree in enumerate(given_trees) if plain(tree, traits)}
        assert {at for at, matches in enumerate(compiled) if matches(traits)} == expected
        candidates = list(index.candidates(traits))
        assert expected <= set(candidates)
        assert candidates == sorted(candidates)


def test_an_index_leaves_out_what_cannot_match() -> None:
    index = Index(
        [
            {"path": {"starts": "/admin/"}},
            {"all": [{"method": ["GET"]}, {"ip": ["10.0.0.0/8"]}]},
            {"any": [{"header": {"name": "x-a", "is": "1"}}, {"query": {"name": "debug", "present": True}}]},
            {"not": {"method": ["POST"]}},
            {"label": "bad"},
        ]
    )
    request = {"method": "GET", "raw_path": "/", "client": "192.0.2.1"}
    assert list(index.candidates(Traits(path="/", peer="192.0.2.1", **request))) == [3]
    assert list(index.candidates(Traits(path="/admin/x", peer="10.0.0.9", query="debug", **request))) == [0, 1, 2, 3]
    assert index.labelled("bad", 2) == [4]
    assert index.labelled("bad", 4) == []


@pytest.mark.parametrize("text", sorted(["(a+)+$", ".*", "[", "\\"]))
def test_text_is_compared_as_it_is_and_never_as_a_pattern(text: str) -> None:
    matches = compile_statement({"query": {"name": "q", "contains": text}})
    assert matches(Traits(method="GET", path="/", query="q=" + "".join(f"%{ord(c):02x}" for c in f"a{text}b")))
    assert not matches(Traits(method="GET", path="/", query=f"q={string.ascii_lowercase}"))
