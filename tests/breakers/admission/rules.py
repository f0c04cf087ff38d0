"""Rules and requests for tests of screening, in few words."""

from typing import Any

from breakers.core.statements import Traits


def rule(slug: str, statement: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    document = {
        "slug": slug,
        "title": "",
        "priority": 100,
        "enabled": True,
        "stage": None,
        "statement": statement or {},
        "label": "",
        "rate": None,
        "action": "block",
        "answer": None,
    }
    return document | fields


def rate(limit: int, *keys: str, window_s: int = 60) -> dict[str, Any]:
    return {"limit": limit, "window_s": window_s, "keys": list(keys or ("forwarded_ip",))}


def request(path: str = "/", *, ip: str = "192.0.2.1", headers: dict[str, str] | None = None, **more: Any) -> Traits:
    fields = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    given = {"method": "GET", "raw_path": path, "peer": ip, "client": ip, "stage": "main", "headers": fields}
    return Traits(path=path, **(given | more))
