"""JSONPath: reading, writing, and what is no path."""

import pytest

from compositions.asl.paths import BEYOND, MISSING, Path, PathError, ResultPath

VALUE = {
    "order": {"delivery-partner": "UPS", "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}, {"sku": "c", "n": 3}]},
    "two words": 1,
    "null": None,
}


class Around:
    variables = {"v": {"list": [10, 20]}}

    def context(self):
        return {"Map": {"Item": {"Index": 4}}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", VALUE),
        ("$.order.delivery-partner", "UPS"),
        ("$['order']['lines'][1].sku", "b"),
        ("$.order.lines[-1].sku", "c"),
        ("$['two words']", 1),
        ("$.null", None),
        ("$.null.x", MISSING),
        ("$.order.lines[7]", BEYOND),
        ("$.order.lines.sku", MISSING),
        ("$v.list[1]", 20),
        ("$w", MISSING),
        ("$$.Map.Item.Index", 4),
        ("$.order.lines[*].n", [1, 2, 3]),
        ("$.order.lines[1:].n", [2, 3]),
        ("$.order.lines[0,2].n", [1, 3]),
        ("$..sku", ["a", "b", "c"]),
        ("$.order.lines[?(@.n > 1 && @.sku != 'c')].sku", ["b"]),
        ("$.order.lines[?(@.no-such == 1)]", []),
        ("$.nothing[*].here", []),
    ],
)
def test_a_path_finds_its_place(path, expected):
    assert Path(path).find(VALUE, Around()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order",
        "$.",
        "$..",
        "$[",
        "$['a",
        "$.a[b]",
        "$.a[?(@.x ==)]",
        "$ .a",
        "$.a..",
        "$-a",
        "$.a[?match(@.b, 'x')]",
    ],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(PathError):
        Path(text)


def test_a_result_is_put_in_its_place_and_the_rest_is_shared():
    before = {"a": {"b": 1}, "c": [1, 2]}
    after = ResultPath("$.a.x.y").put(before, 9)
    assert after == {"a": {"b": 1, "x": {"y": 9}}, "c": [1, 2]}
    assert before == {"a": {"b": 1}, "c": [1, 2]}
    assert after["c"] is before["c"]


def test_a_result_may_replace_an_item_of_an_array():
    assert ResultPath("$.c[1]").put({"c": [1, 2]}, 9) == {"c": [1, 9]}


@pytest.mark.parametrize("path", ["$.a[*]", "$..a", "$$.a", "$v"])
def test_a_result_path_names_one_place_in_the_input(path):
    with pytest.raises(PathError):
        ResultPath(path)
