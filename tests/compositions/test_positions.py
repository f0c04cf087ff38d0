"""Places of a definition's text by the paths that problems name."""

import pytest

from compositions.positions import Positions

TEXT = """{
  "StartAt": "a/b",
  "States": {
    "a/b": {"Type": "Choice", "Choices": [
      {"Condition": "{% true %}", "Next": "c"}
    ]}
  }
}"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", (1, 1)),
        ("/StartAt", (2, 3)),
        ("/States/a/b", (4, 5)),
        ("/States/a/b/Choices[0]", (5, 7)),
        ("/States/a/b/Choices[0]/Next", (5, 35)),
        ("/States/a/b/Choices[0]/Output/Deeper", (5, 7)),
        ("/Nothing", (1, 1)),
    ],
)
def test_a_path_has_a_line_and_a_column(path: str, place: tuple[int, int]) -> None:
    assert Positions(TEXT).find(path) == place


def test_a_text_that_is_no_json_has_no_places() -> None:
    assert Positions("{").find("/States") is None
