"""The journal reads as an event history in Step Functions' vocabulary."""

import pytest

from compositions.documents import executions as documents
from compositions.models import Execution

from .conftest import Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


async def test_every_state_is_entered_and_left_with_what_it_was_given_and_gave(sagas: Sagas) -> None:
    refund = [{"ErrorEquals": ["States.ALL"], "Next": "Refund", "ResultPath": "$.error"}]
    branches = [machine(News=call("shop", "/news")), machine(Loyal=call("shop", "/loyal"))]
    both = {"Type": "Parallel", "Branches": branches, "Catch": refund, "End": True}
    await sagas.define(machine(Pay=call("shop", "/pay", Next="Both"), Both=both, Refund=call("shop", "/refund")))
    sagas.downstream.behave("/loyal", status=409, delay_s=0.2)
    await sagas.engine()
    row = await sagas.ended(sagas.start({"n": 1}))
    events = documents.events_of(Execution.objects.get(pk=row.pk))
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    types = [event.type for event in events]
    assert types[:7] == [
        *("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"),
        "ParallelStateEntered",
    ]
    assert "ParallelStateFailed" in types
    assert types[types.index("ErrorCaught") :] == [
        *("ErrorCaught", "ParallelStateExited", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded"),
        *("TaskStateExited", "ExecutionSucceeded"),
    ]
    paid = next(event for event in events if event.type == "TaskStateExited")
    assert (paid.state, paid.details["output"]) == ("Pay", {"n": 1})
    loyal = next(event for event in events if event.type == "TaskFailed")
    assert loyal.place == "/States/Both/Branches[1]/States/Loyal"
    assert loyal.details["error"] == "States.Http.StatusCode.409"
    scheduled = next(event for event in events if event.type == "TaskScheduled")
    assert scheduled.details["resourceType"] == "http"
    assert scheduled.details["parameters"]["ApiEndpoint"] == "target://shop/pay"
    refunded = next(event for event in events if event.type == "TaskStateEntered" and event.state == "Refund")
    assert refunded.details["input"]["error"]["Error"] == "States.Http.StatusCode.409"
    succeeded = next(event for event in events if event.type == "TaskSucceeded")
    assert succeeded.details["met"][0]["target"] == "shop"
    assert events[-1].details["status"] == "PARTIAL"


async def test_headers_that_prove_who_we_are_are_not_kept(sagas: Sagas) -> None:
    pay = call("shop", "/pay")
    pay["Parameters"]["Headers"] = {"Authorization": "Bearer secret-token", "X-Order": "1"}
    await sagas.define(machine(Pay=pay))
    await sagas.engine()
    id = sagas.start()
    await sagas.ended(id)
    assert sagas.downstream.requests[0].headers["authorization"] == "Bearer secret-token"
    assert "secret-token" not in str(sagas.told(id))
    assert "X-Order" in str(sagas.told(id))
