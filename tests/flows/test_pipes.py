"""Customers' intents through the whole product: accepted at once, held while payment is down, each carried out once."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.servers.downstream import Downstream
from tests.servers.stack import Answer, Stack

from .journey_of_a_target import BREAKER, PROBE, Guarded

PAY = {
    "StartAt": "Pay",
    "States": {
        "Pay": {
            "Type": "Task",
            "Resource": "arn:aws:states:::http:invoke",
            "Parameters": {"Method": "POST", "RequestBody.$": "$"},
            "End": True,
        }
    },
}


class Piped(Guarded):
    """A pipe `slug` behind route `/{slug}/subscriptions`, whose workflow charges once at the target `slug`."""

    def __init__(self, stack: Stack, downstream: Downstream, slug: str, **pipe: Any) -> None:
        super().__init__(stack, downstream, slug, probe=PROBE, breaker=BREAKER)
        pay = PAY["States"]["Pay"] | {"Parameters": {"ApiEndpoint": f"target://{slug}/charge"} | PARAMETERS}
        self.put(f"compositions/{slug}", {"type": "STANDARD", "definition": PAY | {"States": {"Pay": pay}}})
        self.put(f"pipes/{slug}", {"target": slug, **pipe})
        path = f"/{slug}-intents"
        integration = {"type": "pipe", "pipe": slug}
        self.put(f"routes/{slug}-intents", {"methods": ["POST"], "path": path, "integration": integration})
        self.eventually(lambda: self.applied("config"), "both workers have the configuration")

    def subscribe(self, customer: int, key: str | None = None) -> Answer:
        headers = {"Idempotency-Key": key or f"{self.slug}-{customer}"}
        return self.stack.call("POST", f"/{self.slug}-intents", {"customer": customer}, headers)

    def pipe(self) -> dict[str, Any]:
        return self.stack.api("GET", f"pipes/{self.slug}").json()

    def status(self, intent: str) -> dict[str, Any]:
        return self.stack.call("GET", f"/-/intents/{intent}").json()

    def charged(self) -> Counter[str]:
        """How often each Idempotency-Key was charged."""
        charges = [request for request in self.downstream.requests if request.path == "/charge"]
        return Counter(request.headers["idempotency-key"] for request in charges)


PARAMETERS = PAY["States"]["Pay"]["Parameters"]


def test_an_intent_is_accepted_at_once_and_carried_out_once(stack: Stack, downstream: Downstream) -> None:
    piped = Piped(stack, downstream, "accepted")
    accepted = piped.subscribe(1)
    assert accepted.status == 202
    intent = accepted.json()["id"]
    assert accepted.headers["Location"] == f"/-/intents/{intent}"
    piped.eventually(lambda: piped.status(intent)["status"] == "SUCCEEDED", "it is carried out", within_s=10)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: piped.subscribe(1), range(8)))
    assert {answer.json()["id"] for answer in again} == {intent}, "on both front doors"
    assert piped.subscribe(2, key="accepted-1").status == 422
    assert list(piped.charged().values()) == [1]


def test_while_payment_is_down_intents_wait_and_are_worked_off_afterwards(stack: Stack, downstream: Downstream) -> None:
    drain = {"start_per_s": 5, "ramp_s": 2, "max_per_s": 50}
    piped = Piped(stack, downstream, "held", drain=drain)
    piped.trip()
    piped.eventually(lambda: piped.pipe()["current_state"] == "STOPPED", "the pipe stops")
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(piped.subscribe, range(40)))
    assert {answer.status for answer in accepted} == {202}
    stopped = piped.pipe()
    assert (stopped["desired_state"], stopped["stopped_by"]) == ("RUNNING", "circuit")
    assert stopped["backlog"]["waiting"] == 40
    assert piped.charged() == {}
    waiting = piped.status(accepted[0].json()["id"])
    assert (waiting["status"], waiting["delay"]["delayed"]) == ("ACCEPTED", True)

    piped.mend()
    ids = [answer.json()["id"] for answer in accepted]

    def ended() -> bool:
        return Counter(piped.status(intent)["status"] for intent in ids) == {"SUCCEEDED": 40}

    piped.eventually(ended, "all have ended", within_s=30)
    assert sorted(piped.charged().values()) == [1] * 40
    assert downstream.count("/health") == 0, "it was tried with intents, not with the synthetic probe"
    piped.eventually(lambda: not piped.delayed(), "the flag falls", within_s=10)
    assert piped.pipe()["backlog"] == {"waiting": 0, "running": 0, "dead": 0}


def test_an_operator_stops_a_pipe_and_starts_it_again(stack: Stack, downstream: Downstream) -> None:
    piped = Piped(stack, downstream, "ordered")
    assert stack.api("POST", "pipes/ordered/stop", {"reason": "stocktaking"}).status == 200
    time.sleep(1)
    intent = piped.subscribe(1).json()["id"]
    stopped = piped.pipe()
    assert (stopped["current_state"], stopped["stopped_by"]) == ("STOPPED", "operator")
    assert piped.status(intent)["status"] == "ACCEPTED"
    stack.api("POST", "pipes/ordered/start", {"reason": "counted"})
    piped.eventually(lambda: piped.status(intent)["status"] == "SUCCEEDED", "it is carried out", within_s=10)
