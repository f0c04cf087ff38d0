"""What the judge of statements says, and where."""

from typing import Any

import pytest

from breakers.core.statements import problems, sentence

WRONG: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "statement", "invalid"),
    "text": ("x", "statement", "invalid"),
    "unknown kind": ({"paht": {"is": "/"}}, "statement.paht", "unknown"),
    "two at once": ({"path": {"is": "/"}, "method": ["GET"]}, "statement", "several"),
    "empty all": ({"all": []}, "statement.all", "invalid"),
    "all of an object": ({"all": {"method": ["GET"]}}, "statement.all", "invalid"),
    "inside": (
        {"all": [{"method": ["GET"]}, {"not": {"ip": ["10.0.0.1/8"]}}]},
        "statement.all[1].not.ip[0]",
        "network",
    ),
    "no address": ({"ip": ["10.0.0.x"]}, "statement.ip[0]", "network"),
    "no addresses": ({"ip": []}, "statement.ip", "invalid"),
    "small method": ({"method": ["get"]}, "statement.method[0]", "invalid"),
    "no operator": ({"path": {}}, "statement.path", "operator"),
    "two operators": ({"path": {"is": "/a", "starts": "/"}}, "statement.path", "operator"),
    "unknown operator": ({"path": {"matches": "/a"}}, "statement.path.matches", "unknown"),
    "regular expression": ({"header": {"name": "a", "regex": "x"}}, "statement.header.regex", "unknown"),
    "path that is present": ({"path": {"present": True}}, "statement.path.present", "invalid"),
    "path without slash": ({"path": {"starts": ["/a", "b"]}}, "statement.path.starts[1]", "invalid"),
    "nothing to find": ({"path": {"contains": ""}}, "statement.path.contains", "empty"),
    "header without name": ({"header": {"is": "x"}}, "statement.header.name", "required"),
    "header with a space": ({"header": {"name": "a b", "is": "x"}}, "statement.header.name", "invalid"),
    "number for text": ({"query": {"name": "q", "is": 5}}, "statement.query.is", "invalid"),
    "case as text": ({"path": {"is": "/", "ignore_case": "no"}}, "statement.path.ignore_case", "invalid"),
    "label with a space": ({"label": "a b"}, "statement.label", "invalid"),
    "size of nothing": ({"size": {"of": "cookie", "over": 5}}, "statement.size.of", "unknown"),
    "size as text": ({"size": {"of": "body", "over": "5"}}, "statement.size.over", "invalid"),
    "negative size": ({"size": {"of": "body", "over": -1}}, "statement.size.over", "invalid"),
    "size without bound": ({"size": {"of": "body"}}, "statement.size", "invalid"),
    "long text": ({"path": {"is": "/" + "a" * 1000}}, "statement.path.is", "too_long"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_statement_is_refused_with_its_place_and_a_remedy(name: str) -> None:
    tree, path, code = WRONG[name]
    found = problems(tree)
    assert (path, code) in [(fault.path, fault.code) for fault in found]
    assert all(fault.message and fault.remedy for fault in found)


def test_a_statement_has_bounds_of_depth_and_size() -> None:
    tree: dict[str, Any] = {}
    for _ in range(100):
        tree = {"not": tree}
    assert [fault.code for fault in problems(tree)] == ["too_deep"]
    wide = {"any": [{"all": [{"method": ["GET"]}] * 20}] * 20}
    assert [fault.code for fault in problems(wide)] == ["too_large"]


SENTENCES = {
    "every request": {},
    "path starts with /api and not (IP in 10.0.0.0/8)": {
        "all": [{"path": {"starts": "/api"}}, {"not": {"ip": ["10.0.0.0/8"]}}]
    },
    "(method is POST or method is PUT) and header user-agent is missing": {
        "all": [
            {"any": [{"method": ["POST"]}, {"method": ["PUT"]}]},
            {"header": {"name": "user-agent", "present": False}},
        ]
    },
    "query parameter q contains <script or javascript:, in any case": {
        "query": {"name": "q", "contains": ["<script", "javascript:"], "ignore_case": True}
    },
    "headers are over 8192 bytes or label bad is on": {
        "any": [{"size": {"of": "headers", "over": 8192}}, {"label": "bad"}]
    },
    "forwarded IP in 1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4 or 2 more": {
        "forwarded_ip": [f"1.1.1.{n}" for n in range(1, 7)]
    },
    "method is GET": {"all": [{"any": [{"method": ["GET"]}]}]},
}


@pytest.mark.parametrize("text", sorted(SENTENCES))
def test_a_statement_reads_as_a_sentence(text: str) -> None:
    assert problems(SENTENCES[text]) == []
    assert sentence(SENTENCES[text]) == text
