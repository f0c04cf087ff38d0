"""Pieces of a configuration as the compilers make them: stages, plans, throttles, rules, keys and guarded routes."""

import hashlib
import json
from collections import defaultdict

from controlplane.config.pieces import Piece

# Younger than any ledger of a test, so that its buckets start full at once.
NEW = {"created_at_ms": 4_000_000_000_000}
STAGE = {
    **NEW,
    "title": "",
    "hosts": [],
    "base_path": "/",
    "rate": None,
    "burst": None,
    "on_store_error": "local",
    "allowed_origins": [],
    "trusted_proxies": [],
    "max_body_bytes": None,
    "max_header_bytes": None,
    "cache": {"ttl_s": 0, "vary_headers": [], "vary_query": None},
}
PLAN = {
    **NEW,
    "title": "",
    "description": "",
    "rate": None,
    "burst": None,
    "quota": None,
    "stages": ["main"],
    "overrides": [],
    "mode": "enforce",
    "on_store_error": "local",
}
THROTTLE = {**NEW, "title": "", "stage": None, "route": None, "method": None, "burst": None, "on_store_error": "local"}
RULE = {"title": "", "priority": 100, "enabled": True, "stage": None, "statement": {}, "label": "", "rate": None}


def stage(slug: str = "main", **fields) -> Piece:
    return Piece("stage", slug, {"slug": slug, **STAGE, **fields}).sealed()


def plan(slug: str, **fields) -> Piece:
    quota = fields.pop("quota", None)
    if quota is not None:
        quota = {"period": "MONTH", "time_zone": "UTC", "offset_h": 0, **quota}
    return Piece("plan", slug, {"slug": slug, **PLAN, **fields, "quota": quota}).sealed()


def throttle(slug: str, scope: str, **fields) -> Piece:
    return Piece("throttle", slug, {"slug": slug, "scope": scope, **THROTTLE, **fields}).sealed()


def rule(slug: str, action: str, **fields) -> Piece:
    return Piece("rule", slug, {"slug": slug, **RULE, "action": action, "answer": None, **fields}).sealed()


def key(secret: str, consumer: str = "acme", *plans: str, **fields) -> dict:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    entry = {"id": f"k-{secret}", "hash": digest, "prefix": secret[:8], "consumer": consumer, "plans": list(plans)}
    return {**entry, "expires_at_ms": None, "grace_until_ms": None, "revoked": False, **fields}


def keys(*entries: dict) -> list[Piece]:
    shards: dict[str, list[dict]] = defaultdict(list)
    for entry in entries:
        shards[entry["hash"][:2]].append(entry)
    return [Piece("keys", slug, {"keys": listed}).sealed() for slug, listed in shards.items()]


def route(slug: str, path: str, to: str, *methods: str, **fields) -> Piece:
    body = {
        "slug": slug,
        "title": "",
        "methods": list(methods) or ["GET"],
        "path": path,
        "priority": 100,
        "enabled": True,
        "integration": {"type": "target", "target": to, "path": None},
        "stages": ["main"],
        "api_key_required": False,
        "authorizer": None,
        "cache": {"ttl_s": None, "vary_headers": [], "vary_query": None},
    }
    return Piece("route", slug, json.loads(json.dumps({**body, **fields}))).sealed()
