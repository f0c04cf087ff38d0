"""Which route answers a path, and which paths are refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositions.frontdoor.matching import (
    Candidate,
    Matcher,
    PathError,
    TemplateError,
    canonical,
    decode,
    escape,
    parse_template,
)


def matcher(*routes: tuple[str, str] | tuple[str, str, int]) -> Matcher[str]:
    """Routes as (methods and path, name, priority)."""
    made = []
    for text, name, *priority in routes:
        methods, path = text.split(" ", 1)
        made.append(Candidate(name, methods.split(","), path, priority[0] if priority else 100, name))
    return Matcher(made)


def test_a_literal_wins_over_a_parameter_and_a_parameter_over_the_rest():
    routes = matcher(("GET /{rest+}", "monolith"), ("GET /articles/{id}", "article"), ("GET /articles/new", "new"))
    assert routes.find("GET", "/articles/new") == ("new", {})
    assert routes.find("GET", "/articles/17") == ("article", {"id": "17"})
    assert routes.find("GET", "/articles/17/notes") == ("monolith", {"rest": "articles/17/notes"})


def test_the_lowest_priority_number_is_tried_first_whatever_is_more_specific():
    routes = matcher(("GET /articles/new", "specific", 100), ("GET /{rest+}", "maintenance", 1))
    assert routes.find("GET", "/articles/new") == ("maintenance", {"rest": "articles/new"})


def test_what_the_new_service_does_not_offer_goes_to_the_monolith():
    routes = matcher(("GET /search", "search"), ("GET,POST /{rest+}", "monolith"))
    assert routes.find("POST", "/search") == ("monolith", {"rest": "search"})


def test_a_dead_end_below_a_literal_falls_back_to_the_parameter_beside_it():
    routes = matcher(("GET /a/b/c", "literal"), ("GET /a/{x}/d", "parameter"))
    assert routes.find("GET", "/a/b/d") == ("parameter", {"x": "b"})


def test_head_is_served_where_get_is():
    routes = matcher(("GET /articles", "articles"), ("POST /orders", "orders"))
    assert routes.find("HEAD", "/articles") == ("articles", {})
    assert routes.find("HEAD", "/orders") is None


def test_the_methods_of_a_path_are_known_for_allow():
    routes = matcher(("GET /orders", "list"), ("POST /orders", "make"), ("DELETE /{thing}", "drop"))
    assert routes.methods("/orders") == {"GET", "HEAD", "POST", "DELETE"}
    assert routes.methods("/nowhere/at/all") == frozenset()


def test_a_parameter_takes_one_segment_that_is_not_empty_and_the_rest_may_be_nothing():
    routes = matcher(("GET /articles/{id}", "article"), ("GET /files/{rest+}", "files"))
    assert routes.find("GET", "/articles/") is None
    assert routes.find("GET", "/articles/1/2") is None
    assert routes.find("GET", "/files/") == ("files", {"rest": ""})
    assert routes.find("GET", "/files") is None


def test_the_rest_of_everything_includes_the_root():
    assert matcher(("GET /{rest+}", "monolith")).find("GET", "/") == ("monolith", {"rest": ""})


def test_of_two_equal_templates_the_first_slug_wins():
    routes = matcher(("GET /a/{x}", "zeta"), ("GET /a/{y}", "alpha"))
    assert routes.find("GET", "/a/1") == ("alpha", {"y": "1"})


def test_an_escaped_slash_stays_inside_its_segment():
    routes = matcher(("GET /projects/{id}", "project"))
    name, parameters = routes.find("GET", canonical("/projects/group%2Fname"))
    assert name == "project"
    assert parameters == {"id": "group%2Fname"}
    assert decode(parameters["id"]) == "group/name"


def test_needless_escapes_do_not_lead_around_a_route():
    routes = matcher(("GET /admin", "admin"), ("GET /{rest+}", "monolith"))
    assert routes.find("GET", canonical("/%61dmin"))[0] == "admin"


def test_a_template_may_hold_letters_beyond_ascii():
    routes = matcher(("GET /café/{id}", "café"))
    assert routes.find("GET", canonical("/caf%c3%a9/1")) == ("café", {"id": "1"})


UNREADABLE = ["/a%zz", "/a%2", "a/b", "*", ""]


@pytest.mark.parametrize(
    "path",
    [
        "/a/../b",
        "/./a",
        "/a/..",
        "/a/%2e%2E/b",
        "/a/.%2e",
        "/a%2F..%2Fb",
        "/a%5c..%5cb",
        "//a",
        "/a//b",
        "/a\\b",
        *UNREADABLE,
    ],
)
def test_paths_that_hosts_read_differently_are_refused(path):
    with pytest.raises(PathError):
        canonical(path)


@pytest.mark.parametrize("path", ["/", "/a/", "/.well-known/x", "/a/...", "/a..b", "/a%2Fb", "/a%25", "/v1.2/a;b=1,c"])
def test_harmless_paths_are_not(path):
    assert canonical(path) == path


@pytest.mark.parametrize(
    "template",
    ["articles", "/a//b", "/a/{id}.json", "/{rest+}/a", "/{a}/{a}", "/a/../b", "/a?b", "/a#b", "/{}", "/{a b}", "/%zz"],
)
def test_templates_that_could_never_match_are_refused(template):
    with pytest.raises(TemplateError):
        parse_template(template)


def test_a_target_path_is_filled_with_values_that_are_escaped_anew():
    template = parse_template("/v2/items/{id}/{rest+}")
    assert template.fill({"id": "a%2fb", "rest": "c%20d/e+f/%C3%A9"}) == "/v2/items/a%2Fb/c%20d/e+f/%C3%A9"
    assert template.fill({"id": "%3F%23", "rest": ""}) == "/v2/items/%3F%23/"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaping_is_undone_by_decoding_and_leaves_no_separator(text):
    raw = escape("".join(f"%{byte:02x}" for byte in text.encode()))
    assert not set(raw) & set("/?#\\ \r\n")
    assert escape(raw) == raw
    assert decode(raw) == text


# A plain oracle: every route as a regular expression, tried in the documented order. ------------------------------

words = st.sampled_from(["a", "b", "c"])
pieces = st.lists(st.one_of(words, st.sampled_from(["{x}", "{y}", "{z}"])), min_size=0, max_size=4)


@st.composite
def templates(draw):
    parts, seen = [], set()
    for part in draw(pieces):
        if part in seen and part.startswith("{"):
            part = "a"
        seen.add(part)
        parts.append(part)
    if draw(st.booleans()):
        parts.append("{rest+}")
    return "/" + "/".join(parts)


routes_lists = st.lists(
    st.tuples(templates(), st.sets(st.sampled_from(["GET", "POST"]), min_size=1), st.sampled_from([1, 100])), max_size=8
)
paths = st.lists(words, max_size=5).map(lambda parts: "/" + "/".join(parts)) | st.just("/a/")


def oracle(routes, method, path):
    def rank(route):
        index, (template, _, priority) = route
        kinds = [2 if part == "{rest+}" else 1 if part.startswith("{") else 0 for part in template[1:].split("/")]
        return priority, kinds, f"r{index}"

    for index, (template, methods, _) in sorted(enumerate(routes), key=rank):
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template.replace("{rest+}", "(?P<rest>.*)"))
        found = re.fullmatch(pattern, path)
        if found and (method in methods or (method == "HEAD" and "GET" in methods)):
            return f"r{index}", found.groupdict()
    return None


@given(routes_lists, st.sampled_from(["GET", "POST", "HEAD"]), paths)
def test_the_tree_agrees_with_trying_every_route_in_order(routes, method, path):
    compiled = Matcher(
        [
            Candidate(f"r{at}", methods, template, priority, f"r{at}")
            for at, (template, methods, priority) in enumerate(routes)
        ]
    )
    assert compiled.find(method, path) == oracle(routes, method, path)
    reachable = {m for m in ("GET", "POST", "HEAD") if oracle(routes, m, path)}
    assert compiled.methods(path) == reachable
