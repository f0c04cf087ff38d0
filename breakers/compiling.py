"""The protection floor's part of the configuration document: one piece a target, override, journey and delay
word, one a stage, usage plan, throttle and request rule, one for all purges, and 256 for the keys."""

from collections.abc import Iterator
from datetime import datetime

from breakers.documents import journeys, plans, rows, rules, stages, throttles
from breakers.documents.defaults import SECRETS, Document
from breakers.models import (
    ApiKey,
    Journey,
    JourneyDelay,
    Override,
    Purge,
    RequestRule,
    Stage,
    Target,
    Throttle,
    UsagePlan,
)
from controlplane.config.pieces import Piece
from controlplane.kernel.clock import to_ms


def pieces() -> Iterator[Piece]:
    for target in rows.targets():
        yield Piece("target", target.slug, target_body(target))
        override = getattr(target, "override", None)
        if override is not None:
            yield Piece("override", target.slug, override_body(override))
    for journey in Journey.objects.select_related("delay").prefetch_related("steps__target", "messages"):
        yield Piece("journey", journey.slug, journeys.document(journey))
        delay = getattr(journey, "delay", None)
        if delay is not None:
            yield Piece("delay", journey.slug, delay_body(delay))
    for stage in Stage.objects.all():
        yield Piece("stage", stage.slug, dated(stages.document(stage), stage.created_at))
    for plan in UsagePlan.objects.prefetch_related("stages", "overrides"):
        yield Piece("plan", plan.slug, dated(plans.document(plan), plan.created_at))
    for throttle in Throttle.objects.select_related("stage"):
        yield Piece("throttle", throttle.slug, dated(throttles.document(throttle), throttle.created_at))
    for rule in RequestRule.objects.select_related("stage"):
        yield Piece("rule", rule.slug, rules.document(rule))
    if marks := list(Purge.objects.values_list("mark", flat=True)):
        yield Piece("purge", "all", {"marks": marks})
    yield from key_pieces()


def key_pieces() -> Iterator[Piece]:
    """The keys by the first two digits of their hash, so that one change moves one small piece. One query, no models:
    every change of the configuration comes by here, with ten thousand keys as well."""
    rows = ApiKey.objects.order_by("hash", "plans__slug").values_list(
        "hash",
        "id",
        "prefix",
        "consumer__slug",
        "consumer__created_at",
        "expires_at",
        "grace_until",
        "revoked_at",
        "plans__slug",
    )
    shards: dict[str, list[Document]] = {}
    last = ""
    for hash_, key_id, prefix, consumer, created_at, expires_at, grace_until, revoked_at, plan in rows:
        shard = shards.setdefault(hash_[:2], [])
        if hash_ == last:  # one more plan of the same key
            shard[-1]["plans"].append(plan)
            continue
        last = hash_
        shard.append(
            {
                "id": key_id,
                "hash": hash_,
                "prefix": prefix,
                "consumer": consumer,
                "consumer_created_at_ms": to_ms(created_at),
                "plans": [] if plan is None else [plan],
                "expires_at_ms": None if expires_at is None else to_ms(expires_at),
                "grace_until_ms": None if grace_until is None else to_ms(grace_until),
                "revoked": revoked_at is not None,
            }
        )
    for shard_name, keys in shards.items():
        yield Piece("keys", shard_name, {"keys": keys})


def dated(body: Document, created_at: datetime) -> Document:
    """The public document, with the time from which the limit's buckets can have been used at all."""
    return {**body, "created_at_ms": to_ms(created_at)}


def target_body(target: Target) -> Document:
    """The public document, with what only the data plane needs: which ledger of slots each contract has."""
    body = rows.document(target)
    for contract, row in zip(body["contracts"], target.contracts.all(), strict=True):
        contract["id"] = row.pk
        contract["created_at_ms"] = to_ms(row.created_at)
    for block, sealed in (("proxy", target.proxy_password), ("credentials", target.credentials_secret)):
        for name in SECRETS:
            if body[block] is not None and body[block].get(name):
                body[block][name] = {"set": True, "sealed": sealed}
    body["cache"]["vary_headers"] = [name.lower() for name in body["cache"]["vary_headers"]]
    return body


def override_body(override: Override) -> Document:
    return {
        "state": override.state,
        "reason": override.reason,
        "by": override.by,
        "since_ms": to_ms(override.since),
        "expires_at_ms": None if override.expires_at is None else to_ms(override.expires_at),
    }


def delay_body(delay: JourneyDelay) -> Document:
    return {
        "delayed": delay.delayed,
        "message": delay.message,
        "severity": delay.severity,
        "reason": delay.reason,
        "by": delay.by,
        "since_ms": to_ms(delay.since),
        "expires_at_ms": None if delay.expires_at is None else to_ms(delay.expires_at),
    }
