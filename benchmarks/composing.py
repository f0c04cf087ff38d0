"""Compositions through the front door against what one would write by hand: Starlette with aiohttp, no guard."""

import time
import urllib.error
import urllib.request
from typing import Any

from .bed import Bed, Server
from .figures import Aim, Entry
from .load import Aimed
from .served import entry, in_turn

HTTP = "arn:aws:states:::http:invoke"
TARGETS = ("one", "two", "three")  # as in `served`, each with a contract and a kept answer


def configure() -> None:
    """The same three-branch page in plain words, and as an author would write it: optional branches with a timeout."""
    from compositions.operations import compositions, routes
    from controlplane.kernel.access import Principal

    by = Principal.system("benchmarks")
    for slug, definition in (("page", _page()), ("page-optional", _optional())):
        compositions.put(slug, {"definition": definition}, by=by)
        integration = {"type": "composition", "composition": slug}
        routes.put(slug, {"methods": ["GET"], "path": f"/{slug}", "integration": integration}, by=by)


def composition(bed: Bed, backend: Server) -> list[Entry]:
    """Three guarded calls in a Parallel state behind a route, merged into one document."""
    configure()
    ours = bed.server()
    _answers(ours)
    bare = bed.server("benchmarks.peers:bare_fan_out", BENCH_BACKEND=f"127.0.0.1:{backend.port}")
    page, optional, plain = in_turn(
        Aimed("the composition", ours.port, "/page", ours.pids),
        Aimed("the composition with optional branches", ours.port, "/page-optional", ours.pids),
        Aimed("the bare fan-out", bare.port, "/fan-out", bare.pids),
    )
    bed.stop(ours, bare)
    versus = "Starlette + aiohttp, no guard"
    return [
        entry("composition of three", page, plain, versus, Aim(at_least=2)),
        entry("composition of three, JSONata, timeouts, Catch", optional, plain, versus),
    ]


def _answers(server: Server) -> None:
    """Returns when the contracts of the targets, which are young, lend their first slots."""
    ends = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/page", timeout=5).close()
            return
        except urllib.error.HTTPError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


def _page() -> dict[str, Any]:
    branches = []
    for slug in TARGETS:
        arguments = {"ApiEndpoint": f"target://{slug}/article", "Method": "GET"}
        state = {"Type": "Task", "Resource": HTTP, "Parameters": arguments, "OutputPath": "$.ResponseBody", "End": True}
        branches.append({"StartAt": slug, "States": {slug: state}})
    names = {f"{slug}.$": f"$[{index}]" for index, slug in enumerate(TARGETS)}
    parallel = {"Type": "Parallel", "Branches": branches, "ResultSelector": names, "End": True}
    return {"StartAt": "All at once", "States": {"All at once": parallel}}


def _optional() -> dict[str, Any]:
    branches = []
    for slug in TARGETS:
        arguments = {"ApiEndpoint": f"{{% 'target://{slug}' & $states.input.path %}}", "Method": "GET"}
        caught = [{"ErrorEquals": ["States.ALL"], "Next": f"No {slug}"}]
        state = {
            "Type": "Task", "Resource": HTTP, "Arguments": arguments, "TimeoutSeconds": 2, "Catch": caught,
            "Output": "{% $states.result.ResponseBody %}", "End": True,
        }  # fmt: skip
        nothing = {"Type": "Pass", "Output": None, "End": True}
        branches.append({"StartAt": slug, "States": {slug: state, f"No {slug}": nothing}})
    output = {slug: f"{{% $states.result[{index}] %}}" for index, slug in enumerate(TARGETS)}
    parallel = {"Type": "Parallel", "Branches": branches, "Output": output, "End": True}
    return {"QueryLanguage": "JSONata", "StartAt": "All at once", "States": {"All at once": parallel}}
