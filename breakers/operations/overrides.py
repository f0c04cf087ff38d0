"""Operators' orders over circuits: force open, force closed, disable; lift, undo, and the end of what has expired.

Two operators who act at once are told apart by `expected`: the revision of the order that each of them saw, or "none".
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model

from breakers.documents import checking
from breakers.documents.overrides import OverrideShape, document
from breakers.models import Override, Target
from controlplane.config.commit import change, current_revision
from controlplane.kernel import clock
from controlplane.kernel.access import Principal, can
from controlplane.kernel.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound

DEFAULT_S = 900
SYSTEM = Principal.system("expiry")

Expected = int | str | None


def put(
    slug: str,
    *,
    state: str,
    reason: str,
    by: Principal,
    expires_in_s: float | None = DEFAULT_S,
    expected: Expected = None,
) -> Override:
    """Order `state` over the circuit of `slug` for `expires_in_s` seconds (None: until it is lifted, admins only)."""
    data = {"state": state, "reason": reason, "expires_in_s": expires_in_s}
    stated = checking.fields(OverrideShape, data)
    if expires_in_s is None and not _may_bind_for_ever(by, slug):
        raise Forbidden("Only an admin may order without expiry; state expires_in_s.", act="administer")
    with change(**_named("put", slug, by, stated["reason"])) as made:
        target = _target(slug)
        now = clock.now()
        standing = _standing(target, now)
        _check_expected(standing, expected)
        # A row that has expired but was not tidied yet is no order any more; nothing can go back to it.
        Override.objects.filter(target=target).delete()
        row = Override.objects.create(
            target=target,
            state=stated["state"],
            reason=stated["reason"],
            by=by.name,
            since=now,
            expires_at=None if expires_in_s is None else now + timedelta(seconds=expires_in_s),
            revision=current_revision("override", slug) + 1,
            **_kept(standing),
        )
        made.note(_noted(standing), document(row))
    return row


def clear(slug: str, *, reason: str, by: Principal, expected: Expected = None) -> None:
    """Lift the order over `slug`: its circuit is automatic again. Raises NotFound when there is none."""
    if not reason.strip():
        raise Invalid("A reason is needed.", problems=[FieldProblem("reason", "required", "Say why; it is kept.")])
    with change(**_named("clear", slug, by, reason.strip())) as made:
        target = _target(slug)
        standing = _standing(target, clock.now())
        _check_expected(standing, expected)
        if standing is None:
            raise NotFound(f"No order stands over {slug}; its circuit is automatic.")
        standing.delete()
        made.note(_noted(standing), None)


def undo(slug: str, *, expected: Expected, by: Principal, reason: str = "") -> Override | None:
    """Take the order over `slug` back while it lives: the one that it replaced stands again, or none (then None)."""
    with change(**_named("undo", slug, by, reason)) as made:
        target = _target(slug)
        now = clock.now()
        standing = _standing(target, now)
        _check_expected(standing, expected)
        if standing is None:
            raise Conflict(f"The order over {slug} has ended already; its circuit is automatic.")
        before, restored = _noted(standing), _restored(standing, now)
        Override.objects.filter(target=target).delete()
        if restored is not None:
            restored.revision = current_revision("override", slug) + 1
            restored.save()
        made.note(before, _noted(restored))
    return restored


def expire(now: datetime | None = None) -> list[str]:
    """Remove the orders that have expired, and return their targets. Workers stopped obeying them by themselves."""
    now = now or clock.now()
    ended = []
    for slug in list(Override.objects.filter(expires_at__lte=now).values_list("target__slug", flat=True)):
        with change(**_named("expire", slug, SYSTEM, "The order has expired.")) as made:
            # Looked at again under the lock: somebody may have renewed the order meanwhile.
            row = Override.objects.filter(target__slug=slug, expires_at__lte=now).first()
            if row is not None:
                made.note(document(row), None)
                row.delete()
                ended.append(slug)
            else:
                made.note({}, {})
    return ended


def _named(verb: str, slug: str, by: Principal, reason: str) -> dict[str, Any]:
    return {
        "by": by,
        "action": f"override.{verb}",
        "subject": f"target:{slug}",
        "revises": f"override:{slug}",
        "reason": reason,
    }


def _target(slug: str) -> Target:
    target = Target.objects.filter(slug=slug).first()
    if target is None:
        raise NotFound(f"There is no target {slug!r}.")
    return target


def _standing(target: Target, now: datetime) -> Override | None:
    row = Override.objects.select_related("target").filter(target=target).first()
    return row if row is not None and (row.expires_at is None or row.expires_at > now) else None


def _check_expected(standing: Override | None, expected: Expected) -> None:
    present = "none" if standing is None else str(standing.revision)
    if expected is None or str(expected) == present:
        return
    if standing is None:
        raise Conflict("The order that you saw was lifted or has expired; the circuit is automatic.", revision=present)
    raise Conflict(
        f"{standing.by} acted first: {standing.state}, because “{standing.reason}”. Look again before you act.",
        revision=present,
        override=document(standing),
    )


def _kept(standing: Override | None) -> dict[str, Any]:
    if standing is None:
        return {}
    return {f"previous_{name}": getattr(standing, name) for name in ("state", "reason", "by", "since", "expires_at")}


def _restored(standing: Override, now: datetime) -> Override | None:
    if not standing.previous_state or standing.previous_since is None:
        return None
    if standing.previous_expires_at is not None and standing.previous_expires_at <= now:
        return None
    return Override(
        target=standing.target,
        state=standing.previous_state,
        reason=standing.previous_reason,
        by=standing.previous_by,
        since=standing.previous_since,
        expires_at=standing.previous_expires_at,
    )


def _noted(row: Override | None) -> dict[str, Any] | None:
    return None if row is None else document(row)


def _may_bind_for_ever(by: Principal, slug: str) -> bool:
    if by.kind == "system":
        return True
    user = None if by.user_id is None else get_user_model().objects.filter(pk=by.user_id).first()
    return user is not None and can(user, "administer", f"target:{slug}")
