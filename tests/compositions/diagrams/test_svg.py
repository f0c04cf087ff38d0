"""The picture as SVG and the list beside it say the same, and need no inline style."""

from xml.etree import ElementTree

import pytest

from compositions.asl.outline import outline
from compositions.diagrams import Seen, draw
from compositions.diagrams.listing import listing
from compositions.diagrams.svg import svg

HTTP = "arn:aws:states:::http:invoke"
SVG = "{http://www.w3.org/2000/svg}"


def task(target, **fields):
    return {
        "Type": "Task",
        "Resource": HTTP,
        "Parameters": {"ApiEndpoint": f"target://{target}/x", "Method": "GET"},
        **fields,
    }


DEFINITION = {
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": "Prices",
                    "States": {
                        "Prices": task(
                            "prices", End=True, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "No <prices>"}]
                        ),
                        "No <prices>": {"Type": "Pass", "End": True},
                    },
                },
                {"StartAt": "Stock", "States": {"Stock": task("stock", End=True)}},
            ],
            "Next": "Enough?",
        },
        "Enough?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$[0].a_name_that_is_too_long_for_a_label", "IsPresent": True, "Next": "Done"}],
            "Default": "Sorry",
        },
        "Done": {"Type": "Succeed"},
        "Sorry": {"Type": "Fail"},
    },
}
PRICES = "/States/Both/Branches[0]/States/Prices"
NO_PRICES = "/States/Both/Branches[0]/States/No <prices>"
SEEN = {
    "/States/Both": Seen("passed", 1, 310.4),
    PRICES: Seen("caught", 3, 301.2),
    NO_PRICES: Seen("passed", 1, 0.2),
    "/States/Both/Branches[1]/States/Stock": Seen("cached", 1, 2),
    "/States/Enough?": Seen("passed"),
    "/States/Done": Seen("passed"),
}


def pictured(seen=None, **options):
    drawn = draw(outline(DEFINITION), seen)
    text = svg(drawn, name="page", title="Both", link=lambda path: f"#{path}", words="Asks two.", **options)
    return ElementTree.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)), text


def states(root):
    return {link.get("href")[1:]: link for link in root.iter(f"{SVG}a")}


def test_every_state_is_a_link_with_a_name_that_can_be_heard():
    root, text = pictured()
    assert set(states(root)) == {state.path for state in outline(DEFINITION).states}
    assert states(root)[PRICES].get("aria-label") == "Prices: GET prices/x"
    assert [root.find(f"{SVG}title").text, root.find(f"{SVG}desc").text] == ["Both", "Asks two."]
    assert "style" not in text


def test_a_run_marks_what_it_took_and_what_became_of_each_state():
    root, _ = pictured(SEEN, selected=PRICES)
    found = states(root)
    assert "is-caught" in found[PRICES].get("class")
    assert found[PRICES].get("aria-current") == "true"
    assert (
        found[PRICES].get("aria-label") == "Prices: GET prices/x; failed, and its error was caught, 301 ms, 3 attempts"
    )
    assert "is-not_reached" in found["/States/Sorry"].get("class")
    drawn = draw(outline(DEFINITION), SEEN)
    taken = {(line.source, line.target) for line in drawn.lines if line.is_taken and line.edge is not None}
    assert taken == {(PRICES, NO_PRICES), ("/States/Both", "/States/Enough?"), ("/States/Enough?", "/States/Done")}


def test_a_run_that_told_its_ways_is_believed():
    drawn = draw(outline(DEFINITION), SEEN, taken={(PRICES, NO_PRICES)})
    assert {line.target for line in drawn.lines if line.is_taken and line.edge is not None} == {NO_PRICES}


def test_a_long_label_is_cut_and_told_whole_on_hover():
    root, _ = pictured()
    titles = [title.text for group in root.iter(f"{SVG}g") for title in group.findall(f"{SVG}title")]
    assert titles == ["$[0].a_name_that_is_too_long_for_a_label IsPresent True"]


@pytest.mark.parametrize("seen", [None, SEEN])
def test_the_list_says_the_same_in_words(seen):
    rows = listing(draw(outline(DEFINITION), seen))
    assert [(row.name, row.depth) for row in rows] == [
        ("Both", 0), ("Prices", 1), ("No <prices>", 1), ("Stock", 1), ("Enough?", 0), ("Done", 0), ("Sorry", 0),
    ]  # fmt: skip
    assert rows[0].ways == ("branch 1 begins at Prices", "branch 2 begins at Stock", "then Enough?")
    assert rows[1].ways == ("on States.ALL: No <prices>", "ends")
    assert rows[6].ways == ("fails the run",)
    assert rows[1].result == ("" if seen is None else "failed, and its error was caught, 301 ms, 3 attempts")
