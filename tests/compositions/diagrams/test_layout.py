"""Whatever the machine: boxes stand apart, every way is drawn, no line crosses a box, and it is drawn alike again."""

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compositions.asl.outline import BRANCH, outline
from compositions.diagrams import Seen, draw
from compositions.diagrams.layout import LABEL
from compositions.diagrams.overlay import STATUSES


def machine(draws, names, depth=0):
    """A machine of as many states as it takes names, some of them inside others."""
    own = [names.pop() for _ in range(min(len(names), draws.randint(1, 12 if depth else 100)))]
    states = {}
    for place, name in enumerate(own):
        after = own[place + 1] if place + 1 < len(own) and draws.random() < 0.7 else draws.choice(own)
        catch = [{"ErrorEquals": ["States.ALL"], "Next": draws.choice(own)}] if draws.random() < 0.2 else []
        kind = draws.choice(["Pass", "Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"])
        state = {"Type": kind, "Next": after, "Catch": catch}
        if kind == "Choice":
            tests = range(draws.randint(1, 4))
            rules = [{"Variable": "$.a", "NumericEquals": n, "Next": draws.choice(own)} for n in tests]
            state = {"Type": kind, "Choices": rules, "Default": after}
        elif kind in ("Succeed", "Fail"):
            state = {"Type": kind}
        elif kind == "Parallel" and depth < 3:
            state["Branches"] = [machine(draws, names, depth + 1) for _ in range(draws.randint(1, 3)) if names]
        elif kind == "Map" and depth < 3 and names:
            state["ItemProcessor"] = machine(draws, names, depth + 1)
        states[name] = state
    return {"StartAt": draws.choice([own[0], "gone"]) if own and draws.random() < 0.1 else own[0], "States": states}


@st.composite
def outlines(draw_from):
    draws = random.Random(draw_from(st.integers(0, 2**32)))
    count = draw_from(st.integers(1, 100))
    return outline(
        machine(draws, [f"{draws.choice(['Ask', 'Tell everybody about', '待つ'])} {n}" for n in range(count)])
    )


def apart(one, other):
    return (
        one[0] + one[2] <= other[0] or other[0] + other[2] <= one[0] or one[1] + one[3] <= other[1]
        or other[1] + other[3] <= one[1]
    )  # fmt: skip


def within(inner, outer):
    return (
        outer[0] <= inner[0] and outer[1] <= inner[1] and inner[0] + inner[2] <= outer[0] + outer[2]
        and inner[1] + inner[3] <= outer[1] + outer[3]
    )  # fmt: skip


def points(way):
    for curve in way.curves:
        for step in range(1, 16):
            t = step / 16
            yield tuple(
                (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t * t * c + t**3 * d
                for a, b, c, d in zip(curve.start, curve.first, curve.second, curve.end, strict=True)
            )


@settings(max_examples=40, deadline=None)
@given(outlines())
def test_nothing_overlaps_and_every_way_is_drawn(drawn_from):
    diagram = draw(drawn_from)
    assert diagram == draw(drawn_from)
    assert len(diagram.boxes) == len(drawn_from.states)

    whole = (0, 0, diagram.width, diagram.height)
    lanes = {lane.path: (lane.x, lane.y, lane.width, lane.height) for lane in diagram.lanes}
    boxes = {box.state.path: (box.x, box.y, box.width, box.height) for box in diagram.boxes}
    labels = {}
    for index, line in enumerate(diagram.lines):
        if line.label:
            x, y = line.way.label
            labels.setdefault(line.scope, []).append(
                (x - 3 * len(line.label), y - LABEL // 2, 6 * len(line.label), LABEL, index)
            )
    by_scope = {}
    for box in diagram.boxes:
        by_scope.setdefault(box.state.scope, []).append(boxes[box.state.path])
    for scope, found in by_scope.items():
        around = lanes.get(scope, whole)
        shapes = found + [label[:4] for label in labels.get(scope, ())]
        for place, shape in enumerate(shapes):
            assert within(shape, around)
            assert all(apart(shape, other) for other in shapes[:place])
    for lane in diagram.lanes:
        assert within(lanes[lane.path], boxes[lane.holder])
        assert all(
            apart(lanes[lane.path], lanes[o.path]) for o in diagram.lanes if o.holder == lane.holder and o != lane
        )

    told = sorted((edge.source, edge.target, edge.kind, edge.label) for edge in drawn_from.edges if edge.kind != BRANCH)
    lines = [line for line in diagram.lines if line.edge is not None]
    assert sorted((line.source, line.target, line.edge.kind, line.edge.label) for line in lines) == told
    for line in diagram.lines:
        others = by_scope.get(line.scope, ())
        for x, y in points(line.way):
            assert within((x, y, 0, 0), lanes.get(line.scope, whole))
            assert not any(left < x < left + wide and top < y < top + high for left, top, wide, high in others)
        if line.edge is not None:
            x, y, wide, high = boxes[line.source]
            assert line.way.curves[0].start == (x + wide // 2, y + high)
            x, y, wide, _ = boxes[line.target]
            assert line.way.curves[-1].end == (x + wide // 2, y)


def test_a_run_changes_no_width_and_no_order():
    drawn_from = outline(machine(random.Random(7), [f"S{n}" for n in range(40)]))
    bare, run = draw(drawn_from), draw(drawn_from, {state.path: Seen("passed") for state in drawn_from.states})
    assert [(box.state.path, box.x, box.width) for box in bare.boxes] == [
        (box.state.path, box.x, box.width) for box in run.boxes
    ]


def test_a_hundred_states_are_drawn_before_anybody_waits():
    names = [f"S{n}" for n in range(100)]
    states = {name: {"Type": "Pass", "Next": after} for name, after in pairwise(names)}
    for place in range(0, 90, 7):
        states[names[place]] |= {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": names[place + 9]}]}
    drawn_from = outline({"StartAt": "S0", "States": states | {"S99": {"Type": "Succeed"}}})
    spans = []
    for _ in range(5):
        began = time.process_time()
        draw(drawn_from)
        spans.append(time.process_time() - began)
    assert min(spans) < 0.05


@pytest.mark.parametrize("definition", [{}, [], "text", {"StartAt": "A", "States": {}}, {"States": {"A": 3}}])
def test_what_holds_no_state_has_no_picture(definition):
    diagram = draw(outline(definition))
    assert not diagram.is_drawn


def test_more_than_a_picture_can_show_is_left_to_the_list():
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(400)}
    assert not draw(outline({"StartAt": "S0", "States": states})).is_drawn


def test_every_status_has_a_sign_and_words_of_its_own():
    signs = [status.sign for status in STATUSES.values()]
    words = [status.words for status in STATUSES.values()]
    assert len(set(signs)) == len(signs)
    assert len(set(words)) == len(words)
