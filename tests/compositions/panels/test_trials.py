"""A trace becomes what a page shows: visits with their words, the way that was taken, the worst of several visits."""

from compositions.panels.trials import trial


def step(name, status="SUCCEEDED", path=None, **fields):
    return {
        "path": path or f"/States/{name}",
        "state": name,
        "number": 1,
        "item": [],
        "status": status,
        "started_ms": 1.0,
        "ended_ms": 5.0,
        "attempts": 1,
        "input": {"a": 1},
        "output": {"b": 2},
        "next": None,
        "met": [],
        **fields,
    }


def call(**fields):
    return {"target": "search", "source": "live", "error": None, "ms": 3.0, **fields}


def test_each_visit_says_what_became_of_it():
    found = trial(
        [
            step("Ask", met=[call(source="cache")], next="Then"),
            step("Then", "CAUGHT", error="Breaker.Open", attempts=3, next="Else"),
            step("Else", "FAILED"),
            step("Late", "CANCELLED", ended_ms=None),
        ]
    )
    assert [visit.status for visit in found.visits] == ["cached", "caught", "failed", "cancelled"]
    assert found.taken == {("/States/Ask", "/States/Then"), ("/States/Then", "/States/Else")}
    assert found.first["/States/Then"] == "#visit-2"
    assert (found.seen["/States/Then"].attempts, found.seen["/States/Then"].ms) == (3, 4.0)
    assert found.visits[3].ms is None


def test_an_input_that_is_the_runs_own_is_not_said_again_and_a_failure_has_no_output():
    first, second, third = trial([step("One"), step("Two", "FAILED"), step("Three", input={"c": 3})]).visits
    assert (bool(first.input), second.input, bool(third.input)) == (True, "", True)
    assert (bool(first.output), second.output) == (True, "")


def test_of_several_visits_the_worst_is_shown():
    inner = "/States/Each/ItemProcessor/States/One"
    items = [step("One", status, path=inner, item=[i]) for i, status in enumerate(["SUCCEEDED", "FAILED", "SUCCEEDED"])]
    found = trial(items)
    assert (found.seen[inner].status, found.seen[inner].attempts, found.seen[inner].ms) == ("failed", 3, 12.0)
    assert [visit.which for visit in found.visits] == ["item 1", "item 2", "item 3"]


def test_a_long_text_is_cut_and_says_so():
    assert trial([step("One", output="x" * 50_000)]).visits[0].output.endswith("characters more")
