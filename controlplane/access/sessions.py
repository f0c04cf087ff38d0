"""What may be done with logins: end a session, and let somebody try again who failed too often."""

from __future__ import annotations

from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction

from controlplane.audit.chain import record
from controlplane.kernel.access import Principal


def user_of(session: Session) -> str:
    """Who is logged in by it; empty for an anonymous one."""
    user_id = session.get_decoded().get("_auth_user_id")
    user = get_user_model().objects.filter(pk=user_id).first() if user_id else None
    return user.get_username() if user is not None else ""


@transaction.atomic
def end(session: Session, *, by: Principal, reason: str = "") -> None:
    """Whoever holds it has to log in again."""
    name = user_of(session)
    session.delete()
    record(action="session.end", subject=f"user:{name}" if name else "session:anonymous", by=by, reason=reason)


@transaction.atomic
def forgive(attempt: AccessAttempt, *, by: Principal, reason: str = "") -> None:
    """Failed logins are forgotten, and with them the pause that they caused."""
    before = {"address": attempt.ip_address, "failures": attempt.failures_since_start}
    subject = f"user:{attempt.username or 'unknown'}"
    attempt.delete()
    record(action="login.forgive", subject=subject, by=by, before=before, reason=reason)
