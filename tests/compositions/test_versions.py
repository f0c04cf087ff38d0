"""What differs between two definitions: lines, states, fields."""

import json
from typing import Any

from compositions.versions import Difference, compare


def text(definition: Any) -> str:
    return json.dumps(definition, indent=2)


OLD = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}
INNER = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "End": True}}}


def test_states_are_added_removed_and_changed_and_fields_have_their_place() -> None:
    new = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Fail", "Error": "x"}}}
    found = compare(text(OLD), text(new), names=("one", "two"))
    assert (found.added, found.removed, found.changed) == (["/States/C"], ["/States/B"], ["/States/A"])
    assert found.fields[0] == Difference("/States/A/Next", '"B"', '"C"')
    assert Difference("/States/B/Type", '"Succeed"', None) in found.fields
    assert found.lines.splitlines()[:2] == ["--- one", "+++ two"]
    assert '-      "Next": "B"' in found.lines


def test_a_change_belongs_to_the_innermost_state() -> None:
    def each(seconds: int) -> str:
        inner = json.loads(json.dumps(INNER))
        inner["States"]["A"]["Seconds"] = seconds
        return text({"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [inner, INNER], "End": True}}})

    found = compare(each(1), each(2))
    assert found.changed == ["/States/P/Branches[0]/States/A"]
    assert found.fields == [Difference("/States/P/Branches[0]/States/A/Seconds", "1", "2")]


def test_another_layout_is_told_from_another_meaning() -> None:
    found = compare(text(OLD), json.dumps(OLD))
    assert found.is_layout_only
    assert compare(text(OLD), text(OLD)).lines == ""
