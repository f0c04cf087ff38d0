"""Making, changing, rotating, revoking and deleting API keys. A key is shown once, to whoever makes it; rows keep its
hash, and neither stands in an audit, a revision or a log.
"""

import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from breakers.core import api_keys
from breakers.core.api_keys import WORKING, KeyState
from breakers.documents import checking
from breakers.documents.keys import KeyShape, NewKeyShape, RotateShape, noted, plan_problems, state
from breakers.models import ApiKey, UsagePlan
from breakers.operations import consumers
from controlplane.config.commit import change, locked
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

GRACE_S = 86_400
ALPHABET = string.ascii_letters + string.digits


def rows() -> QuerySet[ApiKey]:
    """Keys with all that a document says of them."""
    return ApiKey.objects.select_related("consumer", "predecessor").prefetch_related("plans")


def find(key_id: str) -> ApiKey:
    row = rows().filter(pk=key_id).first()
    if row is None:
        raise NotFound(f"There is no key {key_id!r}.")
    return row


def create(
    consumer: str, data: Any, *, by: Principal, reason: str = "", key_id: str | None = None
) -> tuple[ApiKey, str]:
    """A key of `consumer`, and its secret, which nobody can look up again.

    `key_id` is the id that a form has reserved, so that sending it twice does not make two keys.
    """
    stated = checking.fields(NewKeyShape, data)
    secret = stated.pop("key", None) or generate()
    if found := api_keys.fault(secret):
        raise Invalid("The given key cannot be taken.", problems=[FieldProblem("key", *found)])
    row = ApiKey(hash=api_keys.digest(secret), prefix=api_keys.prefix(secret), created_by=by.name)
    row.id = key_id or row.id
    with change(by=by, action="key.create", subject=f"key:{row.id}", reason=reason) as made:
        row.consumer = consumers.find(consumer)
        row.created_at = clock.now()
        _refuse_known(row)
        made.note(None, noted(_write(row, stated, seen=None)))
    return find(row.id), secret


def patch(key_id: str, data: Any, *, by: Principal, reason: str = "") -> ApiKey:
    """Change title, tags, plans or expiry (RFC 7396: null goes back to the default)."""
    with change(by=by, action="key.patch", subject=f"key:{key_id}", reason=reason) as made:
        row = find(key_id)
        before = noted(row)
        present = {name: before[name] for name in ("title", "tags", "plans", "expires_at")}
        stated = checking.fields(KeyShape, checking.merged(present, data))
        made.note(before, noted(_write(row, stated, seen=row.expires_at)))
    return find(key_id)


def rotate(
    key_id: str,
    grace_s: float = GRACE_S,
    *,
    by: Principal,
    reason: str = "",
    expires_at: datetime | None = None,
    keep_expiry: bool = True,
) -> tuple[ApiKey, str]:
    """A successor with the same consumer, plans and expiry; both work for `grace_s`. The successor and its secret.

    Raises Conflict while a successor works already, and for a key that works no more: nothing is left to hand over.
    """
    checking.fields(RotateShape, {"grace_s": grace_s})
    secret = generate()
    with locked():
        now = clock.now()
        old = find(key_id)
        _refuse_rotation(old, now)
        ends = old.expires_at if keep_expiry else expires_at
        _refuse_past(ends, now)
        new = ApiKey(consumer=old.consumer, title=old.title, tags=old.tags, expires_at=ends)
        new.created_at, new.created_by = now, by.name
        new.prefix, new.hash = api_keys.prefix(secret), api_keys.digest(secret)
        with change(by=by, action="key.create", subject=f"key:{new.id}", reason=f"Successor of {key_id}.") as made:
            new.save()
            new.plans.set(old.plans.all())
            made.note(None, noted(find(new.id)))
        with change(by=by, action="key.rotate", subject=f"key:{key_id}", reason=reason) as made:
            before = noted(old)
            old.successor, old.grace_until = new, now + timedelta(seconds=grace_s)
            old.save(update_fields=["successor", "grace_until"])
            made.note(before, noted(find(key_id)))
    return find(new.id), secret


def revoke(key_id: str, *, by: Principal, reason: str) -> ApiKey:
    """End a key at once, for ever. One that is revoked already stays as it is."""
    _need(reason)
    with change(by=by, action="key.revoke", subject=f"key:{key_id}", reason=reason.strip()) as made:
        row = find(key_id)
        before = noted(row)
        if row.revoked_at is None:
            row.revoked_at, row.revoked_reason = clock.now(), reason.strip()[:500]
            row.save(update_fields=["revoked_at", "revoked_reason"])
        made.note(before, noted(row))
    return find(key_id)


def delete(key_id: str, *, by: Principal, reason: str) -> None:
    """Forget a key that works no more: whoever still sends it is told that it is unknown."""
    _need(reason)
    with change(by=by, action="key.delete", subject=f"key:{key_id}", reason=reason.strip()) as made:
        row = find(key_id)
        if state(row, clock.now()) in WORKING:
            raise Conflict(f"Key {key_id} still works. Revoke it first.")
        made.note(noted(row), None)
        row.delete()


def generate() -> str:
    """A new key: a name that may be shown, and 190 bits that may not."""
    name, secret = (
        "".join(secrets.choice(ALPHABET) for _ in range(length))
        for length in (api_keys.NAME_LENGTH, api_keys.SECRET_LENGTH)
    )
    return f"{api_keys.LEADER}{name}_{secret}"


def plans_of(slugs: Iterable[str], path: str = "plans") -> list[UsagePlan]:
    """These plans, which may stand beside each other in one key. Raises Invalid with the path of each at fault."""
    wanted = list(dict.fromkeys(slugs))
    known = {plan.slug: plan for plan in UsagePlan.objects.filter(slug__in=wanted).prefetch_related("stages")}
    problems = [
        FieldProblem(f"{path}[{index}]", "unknown", f"There is no usage plan {slug!r}.")
        for index, slug in enumerate(wanted)
        if slug not in known
    ]
    problems = problems or plan_problems([known[slug] for slug in wanted], path)
    if problems:
        raise Invalid("The key cannot have these plans.", problems=problems)
    return [known[slug] for slug in wanted]


def _write(row: ApiKey, stated: dict[str, Any], *, seen: datetime | None) -> ApiKey:
    """`seen` is the expiry that the key had: one that passed may stay, but none is set into the past."""
    plans = plans_of(stated.get("plans", []))
    row.title = stated.get("title", "")
    row.tags = stated.get("tags", [])
    row.expires_at = stated.get("expires_at")
    if rfc3339(row.expires_at) != rfc3339(seen):
        _refuse_past(row.expires_at, clock.now())
    else:
        row.expires_at = seen  # documents tell whole milliseconds; what nobody changed stays exact
    row.save()
    row.plans.set(plans)
    return find(row.id)


def _refuse_known(row: ApiKey) -> None:
    known = rows().filter(hash=row.hash).first()
    if known is not None:
        raise Conflict(
            f"This key is registered already: {known.id} of consumer {known.consumer.slug}.", key_id=known.id
        )
    if ApiKey.objects.filter(pk=row.pk).exists():
        raise Conflict(f"Key {row.pk} was made already; it was shown then, once.", key_id=row.pk)


def _refuse_rotation(old: ApiKey, now: datetime) -> None:
    now_is = state(old, now)
    if now_is not in WORKING:
        words = {
            KeyState.REVOKED: "is revoked",
            KeyState.EXPIRED: "has expired",
            KeyState.ROTATED: "was rotated, and its grace period is over",
        }
        raise Conflict(f"Key {old.id} {words[now_is]}; make a new key instead.", state=now_is.value)
    successor = old.successor
    if successor is not None and state(successor, now) in WORKING:
        raise Conflict(
            f"Key {old.id} was rotated already: its successor is {successor.id} ({successor.prefix}…). "
            "Rotate that one, or revoke it first.",
            successor=successor.id,
        )


def _refuse_past(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        text = "This is in the past. To end a key now, revoke it."
        raise Invalid("The key would not work at all.", problems=[FieldProblem("expires_at", "past", text)])


def _need(reason: str) -> None:
    if not reason.strip():
        raise Invalid("A reason is needed.", problems=[FieldProblem("reason", "required", "Say why; it is kept.")])
