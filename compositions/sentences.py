"""Settings of routes and compositions as a person would say them; pure."""

from typing import Any

from breakers.core.limits import number
from compositions.reach import Reach


def route(document: dict[str, Any]) -> str:
    """Which requests, where they go, and who may send them."""
    integration, authorizer, ttl = document["integration"], document["authorizer"], document["cache"]["ttl_s"]
    parts = [f"{' and '.join(document['methods'])} {document['path']} goes to {destination(integration)}"]
    parts.append(f"in stage {' and '.join(document['stages'])}")
    if document["api_key_required"]:
        parts.append("needs an API key")
    if authorizer is None:
        parts.append("" if document["api_key_required"] else "open to everybody who reaches it")
    elif authorizer["type"] == "jwt":
        parts.append(f"needs a token of {authorizer['issuer']} for {authorizer['audience']}")
    else:
        parts.append(f"believes header {authorizer['header']} of {', '.join(authorizer['from'])}")
    if ttl:
        parts.append(f"answers are given again for {number(ttl)} s")
    text = "; ".join(part for part in parts if part)
    return f"{text}." if document["enabled"] else f"Disabled, it matches nothing. Once enabled: {text}."


def destination(integration: dict[str, Any]) -> str:
    """Where a route goes: `search as /v2/search`, or `composition article-page`."""
    kind = integration["type"]
    if kind != "target":
        return f"{kind} {integration[kind]}"
    return integration["target"] + (f" as {integration['path']}" if integration["path"] else "")


def composition(workflow: str, version: int | None, found: Reach) -> str:
    """What stands (None: not yet), and whom it calls: `EXPRESS, version 3; needs articles; can do without loyalty.`"""
    parts = [workflow if version is None else f"{workflow}, version {version}"]
    if found.required:
        parts.append(f"needs {', '.join(sorted(found.required))}")
    if found.optional:
        parts.append(f"can do without {', '.join(sorted(found.optional))}")
    if not found.targets:
        parts.append("calls no target")
    return f"{'; '.join(parts)}."


def pipe(body: dict[str, Any]) -> str:
    """What starts, what stops it, and how fast it goes: `Each intent starts onboarding; needs payment; 32 at once.`"""
    parts = [f"Each intent{' that matches the filter' if body['filter'] else ''} starts {body['target']}"]
    if body["enrichment"]:
        parts.append(f"with what {body['enrichment']} makes of it")
    if body["targets"]:
        parts.append(f"waits while {' or '.join(body['targets'])} is open")
    if body["order_by"]:
        parts.append(f"one after the other for each {body['order_by']}")
    parts.append(f"{number(body['max_in_flight'])} at once")
    most = body["drain"]["max_per_s"]
    if most is not None:
        parts.append(f"at most {number(most)} a second")
    parts.append(f"beyond {number(body['max_backlog'])} waiting none is accepted")
    text = f"{'; '.join(parts)}."
    return text if body["desired_state"] == "RUNNING" else f"Stopped by an operator. Once started: {text}"
