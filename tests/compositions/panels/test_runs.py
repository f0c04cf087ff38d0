"""What the calls of a kept run tell of its states, and of those around them."""

from compositions.panels.runs import seen

INSIDE = "/States/Gather/Branches[1]/States/Each/ItemProcessor/States/Ask"


def call(path, error=None, source="live", ms=2):
    return {"path": path, "target": "search", "error": error, "source": source, "ms": ms}


def statuses(found):
    return {path: each.status for path, each in found.items()}


def test_states_around_a_call_were_reached_as_well():
    found = seen([call(INSIDE), call(INSIDE, source="cache")], succeeded=True)
    assert statuses(found) == {
        INSIDE: "cached",
        "/States/Gather/Branches[1]/States/Each": "passed",
        "/States/Gather": "passed",
    }
    assert (found[INSIDE].attempts, found[INSIDE].ms) == (2, 4.0)


def test_a_failure_was_caught_where_the_run_succeeded():
    assert statuses(seen([call("/States/A", error="Breaker.Open")], succeeded=True)) == {"/States/A": "caught"}
    failed = seen([call("/States/P/Branches[0]/States/A", error="Breaker.Open")], succeeded=False)
    assert failed["/States/P"].status == "failed"
