"""Workflows behind pipes, and intents that wait."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from breakers.operations import targets
from compositions.intake.ids import new_id
from compositions.models import Intent
from compositions.operations import compositions
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from tests.compositions.workflows import asking, workflow

SYSTEM = Principal.system("test")
Accept = Callable[..., list[str]]


@pytest.fixture
def workflows(valkey: str, db: None) -> None:
    for slug in ("payment", "fraud"):
        targets.put(slug, {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
    compositions.put("onboard", {"type": "STANDARD", "definition": asking("payment")}, by=SYSTEM)
    scored = workflow(Score={"Type": "Pass", "Output": {"plan": "{% $states.input.plan %}", "score": 7}, "End": True})
    compositions.put("score", {"definition": scored}, by=SYSTEM)
    picky = workflow(Refuse={"Type": "Fail", "Error": "Nobody", "Cause": "unknown customer"})
    compositions.put("refuse", {"definition": picky}, by=SYSTEM)


@pytest.fixture
def accept() -> Accept:
    """`accept(3)`: intents of pipe `onboarding` that wait, in their order."""

    def accepted(count: int = 1, *, pipe: str = "onboarding", body: Any = None, **fields: Any) -> list[str]:
        text = json.dumps({"plan": "premium"} if body is None else body)
        rows = [Intent(id=new_id(), pipe=pipe, accepted_at=clock.now(), body=text, **fields) for _ in range(count)]
        return [row.pk for row in Intent.objects.bulk_create(rows)]

    return accepted
