"""The shipped journey ends in one of four ways, and takes back only what it has done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compositions.asl import run_definition, validate

DEFINITION = json.loads(Path("compositions/definitions/premium-onboarding.asl.json").read_text(encoding="utf-8"))
MANUAL = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"


class Refusal(Exception):
    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error, self.cause = error, ""


class World:
    """Every service in one: what fails is named by its path, the calls are kept in order."""

    def __init__(self, **failing: str) -> None:
        self.failing = {f"/{path}": error for path, error in failing.items()}
        self.calls: list[tuple[str, Any]] = []

    async def call(self, state: str, resource: str, parameters: Any) -> Any:
        if resource == MANUAL:
            self.calls.append(("manual", parameters["MessageBody"]["title"]))
            return {"newsletter": True, "loyalty": True}
        path = "/" + parameters["ApiEndpoint"].rpartition("/")[2]
        self.calls.append((path, parameters["RequestBody"]))
        if path in self.failing:
            raise Refusal(self.failing[path])
        answers = {"/checks": {"verdict": "refuse" if "fraud" in str(parameters["RequestBody"]) else "pass"}}
        return {"StatusCode": 200, "ResponseBody": answers.get(path, {"id": "ch_1"})}

    def paths(self) -> list[str]:
        return [path for path, _ in self.calls]

    def told(self) -> list[str]:
        return [body["outcome"] for path, body in self.calls if path == "/notifications"]


async def run(world: World, customer: str = "ann@example.org") -> dict[str, Any]:
    async def sleep(seconds: float) -> None:
        return None

    return await run_definition(DEFINITION, {"customer": customer}, call_task=world.call, sleep=sleep)


def test_the_definition_is_valid() -> None:
    assert validate(DEFINITION) == []


async def test_when_all_goes_well_the_customer_is_told_of_full_success() -> None:
    world = World()
    ended = await run(world)
    assert ended["output"] == {"outcome": "full", "customer": "ann@example.org", "charge": "ch_1"}
    assert world.paths()[:3] == ["/checks", "/charges", "/entitlements"]
    assert world.told() == ["full"]


@pytest.mark.parametrize(
    ("world", "customer"), [(World(charges="States.Http.StatusCode.402"), "a@x"), (World(), "fraud@x")]
)
async def test_without_payment_nothing_is_undone_and_failure_is_told(world: World, customer: str) -> None:
    ended = await run(world, customer)
    assert (ended["status"], ended["error"]) == ("FAILED", "Subscription.Failed")
    assert "/refunds" not in world.paths()
    assert world.told() == ["failed"]


async def test_content_that_cannot_be_unblocked_is_paid_back() -> None:
    world = World(entitlements="States.Http.StatusCode.500")
    ended = await run(world)
    assert (ended["status"], ended["error"]) == ("FAILED", "Subscription.Refunded")
    assert ("/refunds", {"charge": "ch_1"}) in world.calls
    assert world.told() == ["refunded"]


@pytest.mark.parametrize("service", ["subscriptions", "members"])
async def test_a_missing_letter_or_member_is_mended_by_hand_and_never_rolled_back(service: str) -> None:
    world = World(**{service: "States.Http.StatusCode.500"})
    ended = await run(world)
    assert ended["output"]["outcome"] == "partial"
    assert "/refunds" not in world.paths()
    assert ("manual", "Sign up ann@example.org for newsletter and loyalty by hand") in world.calls
    assert world.told() == ["partial"]
