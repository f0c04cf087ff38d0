"""Tells workers that something is to be done, so that they need not wait for their next look; losing one costs time."""

import json
from collections.abc import Iterable

from django.db import transaction

from controlplane.kernel import valkey


def channel() -> str:
    return valkey.named("sagas")


def nudge_after_commit(executions: Iterable[str] = ()) -> None:
    """Once the present transaction is committed: executions are due, or something happened that these wait for."""
    ids = list(executions)
    transaction.on_commit(lambda: nudge(ids))


def nudge(executions: Iterable[str] = ()) -> None:
    try:
        valkey.shared().publish(channel(), json.dumps(list(executions)))
    except valkey.Away:
        return  # they look by themselves, within a second
