"""Making, changing and removing alarm sources, and their secrets, which are shown once."""

import secrets as random
from datetime import datetime, timedelta
from typing import Any

from breakers.documents import checking
from breakers.documents.alarm_sources import AlarmSourceShape, complete, document
from breakers.documents.defaults import Document
from breakers.models import AlarmMessage, AlarmSource, Target
from breakers.models.alarms import AlarmScheme
from controlplane.audit.chain import record
from controlplane.config.commit import change, locked
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound
from controlplane.kernel.secrets import resealed, seal

GRACE_S = 86_400
KEPT_DAYS = 90


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[AlarmSource, bool]:
    """Make the alarm source `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(AlarmSourceShape, slug, data)
    with change(by=by, action="alarm-source.put", subject=f"alarm-source:{slug}", reason=reason) as made:
        row = AlarmSource.objects.filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or AlarmSource(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> AlarmSource:
    """Lay `data` over the source's document (RFC 7396)."""
    with change(by=by, action="alarm-source.patch", subject=f"alarm-source:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(AlarmSourceShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    with change(by=by, action="alarm-source.delete", subject=f"alarm-source:{slug}", reason=reason) as made:
        row = find(slug)
        made.note(document(row), None)
        row.delete()


def new_secret(slug: str, *, by: Principal, reason: str = "", grace_s: int = GRACE_S) -> tuple[str, datetime | None]:
    """A new shared secret, and until when the one before is accepted. It is told here and nowhere else."""
    with locked():
        row = find(slug)
        if row.scheme == AlarmScheme.SNS:
            raise Conflict("SNS signs with its own key; a source of scheme sns has no secret.")
        secret = random.token_urlsafe(32)
        row.previous_secret = row.secret
        row.previous_until = clock.now() + timedelta(seconds=grace_s) if row.secret and grace_s else None
        row.secret = seal(secret)
        row.save(update_fields=["secret", "previous_secret", "previous_until"])
        record(action="alarm-source.secret", subject=f"alarm-source:{slug}", by=by, reason=reason)
    return secret, row.previous_until


def reseal(*, by: Principal) -> list[str]:
    """Encrypt the secrets of all sources under the present first key; the sources that had any. All or none.

    Raises Unreadable when one was sealed under a key that is not here.
    """
    done = []
    with locked():
        for row in AlarmSource.objects.all():
            kept = {name: getattr(row, name) for name in ("secret", "previous_secret") if getattr(row, name)}
            if kept:
                for name, sealed in kept.items():
                    setattr(row, name, resealed(sealed))
                row.save(update_fields=list(kept))
                record(action="alarm-source.reseal", subject=f"alarm-source:{row.slug}", by=by)
                done.append(row.slug)
    return done


def find(slug: str) -> AlarmSource:
    row = AlarmSource.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no alarm source {slug!r}.")
    return row


def judge(slug: str, data: Any) -> Document:
    """The whole document of what `data` says. Raises Invalid when `put` would."""
    return check(slug, checking.shaped(AlarmSourceShape, slug, data))


def check(slug: str, stated: Document) -> Document:
    """The whole document. Raises Invalid for targets that do not exist."""
    whole = complete(slug, stated)
    known = set(Target.objects.values_list("slug", flat=True))
    problems = [
        FieldProblem(f"alarms[{index}].target", "unknown", f"There is no target {rule['target']!r}; register it first.")
        for index, rule in enumerate(whole["alarms"])
        if rule["target"] not in known
    ]
    if problems:
        raise Invalid("The source names targets that are not registered.", problems=problems)
    return whole


def prune() -> None:
    """Forget messages that are too old to be repeated."""
    AlarmMessage.objects.filter(at__lt=clock.now() - timedelta(days=KEPT_DAYS)).delete()


def _write(row: AlarmSource, stated: Document) -> AlarmSource:
    whole = check(row.slug, stated)
    for name in ("title", "enabled", "scheme", "alarms", "max_age_s"):
        setattr(row, name, whole[name])
    row.topic_arn, row.certificate = whole["topic_arn"] or "", whole["certificate"] or ""
    row.save()
    return row
