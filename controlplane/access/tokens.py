"""What may be done with API tokens: issue one, find the one a secret belongs to, revoke one."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from controlplane.access.holders import hash_of
from controlplane.access.models import ApiToken
from controlplane.audit.chain import record
from controlplane.config.commit import recompile
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid

LEAST_LENGTH = 16
# `last_used_at` is for people; writing it at every call would make every read a write.
USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def issue(
    user: Any,
    title: str,
    secret: str | None = None,
    *,
    expires_at: datetime | None = None,
    by: Principal | None = None,
    reason: str = "",
) -> tuple[ApiToken, str]:
    """A new token and its secret, which is not shown again. A given secret that this user's token has is kept as is."""
    if secret is not None and len(secret) < LEAST_LENGTH:
        problem = FieldProblem("secret", "too_short", f"Use at least {LEAST_LENGTH} characters.")
        raise Invalid("The token is too short.", problems=[problem])
    secret = secret or f"sg_{secrets.token_urlsafe(32)}"
    kept = ApiToken.objects.filter(hash=hash_of(secret)).first()
    if kept is not None:
        if kept.user_id == user.pk and kept.usable:
            return kept, secret
        problem = FieldProblem("secret", "taken", "This secret was given out before; choose another.")
        raise Invalid("The token cannot be issued.", problems=[problem])
    token = ApiToken.objects.create(
        user=user,
        title=title,
        # Of a short secret, eight characters would be half of it.
        prefix=secret[:8] if len(secret) >= 2 * LEAST_LENGTH else secret[:3],
        hash=hash_of(secret),
        created_at=clock.now(),
        expires_at=expires_at,
    )
    record(
        action="token.issue",
        subject=f"token:{token.pk}",
        by=by or Principal.system("manage.py"),
        after=_document(token),
        reason=reason,
    )
    _told(token, "token.issue", by or Principal.system("manage.py"))
    return token, secret


def find(secret: str) -> ApiToken | None:
    """The usable token with this secret, marked as used; None when there is none."""
    token = ApiToken.objects.select_related("user").filter(hash=hash_of(secret)).first()
    if token is None or not token.usable:
        return None
    now = clock.now()
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def revoke(token: ApiToken, *, by: Principal, reason: str = "") -> None:
    """From now on the token is refused. Revoking twice is the same as once."""
    locked = ApiToken.objects.select_for_update().get(pk=token.pk)
    if locked.revoked_at is not None:
        return
    before = _document(locked)
    locked.revoked_at = clock.now()
    locked.save(update_fields=["revoked_at"])
    record(
        action="token.revoke",
        subject=f"token:{locked.pk}",
        by=by,
        before=before,
        after=_document(locked),
        reason=reason,
    )
    _told(locked, "token.revoke", by)


def _told(token: ApiToken, action: str, by: Principal) -> None:
    """Front doors know tokens from the configuration document."""
    recompile(by=by, action=action, subject=f"token:{token.pk}")


def _document(token: ApiToken) -> dict[str, Any]:
    return {
        "title": token.title,
        "user": token.user.get_username(),
        "prefix": token.prefix,
        "expires_at": clock.rfc3339(token.expires_at),
        "revoked_at": clock.rfc3339(token.revoked_at),
    }
