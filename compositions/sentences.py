"""A route's settings as a person would say them; pure."""

from typing import Any

from breakers.core.limits import number


def route(document: dict[str, Any]) -> str:
    """Which requests, where they go, and who may send them."""
    integration, authorizer, ttl = document["integration"], document["authorizer"], document["cache"]["ttl_s"]
    where = integration["target"] + (f" as {integration['path']}" if integration["path"] else "")
    parts = [f"{' and '.join(document['methods'])} {document['path']} goes to {where}"]
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
