"""Shipped definitions that are served natively when they are nested: the same result, without walking the states.

Only the very definition that ships is served so; a copy that somebody has changed runs as it says. Inputs that are not
of the plain shape that the definition documents are left to the interpreter as well, which knows what to say of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from compositions.asl.errors import StatesError
from compositions.asl.limits import Limits, check_payload
from compositions.asl.ports import Key, Place, TaskCall
from compositions.asl.values import Json
from compositions.resources import http_invoke
from compositions.resources.context import CallContext
from compositions.resources.http_requests import METHODS

Ended = dict[str, Any]
Native = Callable[[Json, CallContext, Limits], Coroutine[Any, Any, Ended]]

DEFINITIONS: Final = Path(__file__).parents[1] / "definitions"
HTTP: Final = "arn:aws:states:::http:invoke"
CIRCUIT_BREAKER: Final = "circuit-breaker"

_CALL: Final[Key] = (("Call if the circuit lets it", 1),)
_FIELDS: Final = frozenset(("target", "path", "method", "headers", "query", "body"))


async def circuit_breaker(value: Json, context: CallContext, limits: Limits) -> Ended:
    """compositions/definitions/circuit-breaker.asl.json, straight to the guard."""
    arguments = {
        "ApiEndpoint": f"target://{value['target']}{value['path']}",
        "Method": value.get("method", "GET"),
        "Headers": value.get("headers", {}),
        "QueryParameters": value.get("query", {}),
        "RequestBody": value.get("body"),
    }
    task = TaskCall(_CALL[0][0], HTTP, arguments, Place(_CALL, 0, "call"))
    try:
        check_payload(value, "input", limits.payload)
        result = await http_invoke.serve(task, context)
        check_payload(result, "http", limits.payload, final=False)
    except StatesError as error:
        return {"status": "FAILED", "error": error.error, "cause": error.cause}
    provenance = result["Provenance"]
    source, breaker = provenance["source"], provenance["breaker"]
    output = {"status": result["StatusCode"], "body": result["ResponseBody"], "source": source, "breaker": breaker}
    if source != "live":
        output["age_s"] = provenance["age_s"]
    return {"status": "SUCCEEDED", "output": output}


def _is_plain(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() <= _FIELDS
        and isinstance(value.get("target"), str)
        and isinstance(value.get("path"), str)
        and value.get("method", "GET") in METHODS
        and isinstance(value.get("headers", {}), dict)
        and isinstance(value.get("query", {}), dict)
    )


_SHIPPED: Final[tuple[tuple[Json, Native, Callable[[Json], bool]], ...]] = (
    (
        json.loads((DEFINITIONS / f"{CIRCUIT_BREAKER}.asl.json").read_text(encoding="utf-8")),
        circuit_breaker,
        _is_plain,
    ),
)


def native_for(definition: Mapping[str, Json]) -> tuple[Native, Callable[[Json], bool]] | None:
    """How a shipped definition is served, and for which inputs; None for every other definition."""
    return next(((serve, fits) for shipped, serve, fits in _SHIPPED if shipped == definition), None)
