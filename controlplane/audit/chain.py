"""The hash chain: each entry's hash covers all its fields and the hash before it, so a change anywhere shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from controlplane.audit.models import GENESIS, AuditChain, AuditEntry
from controlplane.kernel import canonical, clock, logs
from controlplane.kernel.access import Principal


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: how many entries it read, and the first that is broken with the reason."""

    entries: int
    broken: int | None = None
    why: str = ""

    @property
    def ok(self) -> bool:
        return not self.why


def record(
    *,
    action: str,
    subject: str,
    by: Principal,
    before: Any = None,
    after: Any = None,
    reason: str = "",
) -> AuditEntry:
    """Append one entry, in the caller's transaction: the act and its entry are committed together or not at all."""
    with transaction.atomic():
        chain, _ = AuditChain.objects.select_for_update().get_or_create(pk=1)
        entry = AuditEntry(
            number=chain.number + 1,
            at=clock.now(),
            by=by.name,
            by_kind=by.kind,
            by_user_id=by.user_id,
            action=action,
            subject=subject,
            reason=reason,
            before_json=canonical.text(before),
            after_json=canonical.text(after),
            request_id=logs.request_id(),
            previous_hash=chain.hash,
        )
        entry.hash = hash_of(entry)
        entry.save()
        chain.number, chain.hash = entry.number, entry.hash
        chain.save()
        return entry


def hash_of(entry: AuditEntry) -> str:
    """SHA-256 over canonical JSON of every field but the hash itself."""
    return canonical.digest(
        {
            "number": entry.number,
            "at": clock.rfc3339_micros(entry.at),
            "by": entry.by,
            "by_kind": entry.by_kind,
            "by_user_id": entry.by_user_id,
            "action": entry.action,
            "subject": entry.subject,
            "reason": entry.reason,
            "before": entry.before_json,
            "after": entry.after_json,
            "request_id": entry.request_id,
            "previous_hash": entry.previous_hash,
        }
    )


def verify() -> Verdict:
    """Read the whole chain from its first entry and say where it first breaks."""
    previous, count = GENESIS, 0
    for entry in AuditEntry.objects.order_by("number").iterator(chunk_size=1000):
        count += 1
        if entry.number != count:
            return Verdict(count, count, f"entry {count} is missing")
        if entry.previous_hash != previous:
            return Verdict(count, count, "it does not follow the entry before it")
        if entry.hash != hash_of(entry):
            return Verdict(count, count, "its content does not match its hash")
        previous = entry.hash
    chain = AuditChain.objects.filter(pk=1).first() or AuditChain()
    if (chain.number, chain.hash) != (count, previous):
        return Verdict(count, count + 1, f"the chain's head names entry {chain.number}, but entries end at {count}")
    return Verdict(count)
