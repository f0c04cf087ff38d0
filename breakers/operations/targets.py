"""Registering, changing and removing targets."""

from typing import Any

from breakers.documents import checking, rows, secret_fields
from breakers.documents.defaults import Document
from breakers.impact import dependents
from breakers.models import Target
from controlplane.config.commit import Change, change, locked
from controlplane.kernel import secrets
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, NotFound


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Target, bool]:
    """Make the target `slug` what `data` says; the row, and whether it is new. Raises Invalid with each path."""
    stated = checking.target(slug, data)
    with change(by=by, action="target.put", subject=f"target:{slug}", reason=reason) as made:
        row = rows.targets().filter(slug=slug).first()
        created = row is None
        return _write(
            made, row or Target(slug=slug), stated, before=None if row is None else rows.document(row)
        ), created


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Target:
    """Lay `data` over what was stated (RFC 7396): blocks merge, lists are replaced, null goes back to the default."""
    with change(by=by, action="target.patch", subject=f"target:{slug}", reason=reason) as made:
        row = find(slug)
        stated = checking.target(slug, checking.merged(rows.stated(row), data))
        return _write(made, row, stated, before=rows.document(row))


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Remove a target that nothing refers to. Raises Conflict that names what does."""
    with change(by=by, action="target.delete", subject=f"target:{slug}", reason=reason) as made:
        row = find(slug)
        users = dependents(slug)
        if users:
            names = ", ".join(str(user) for user in users)
            raise Conflict(
                f"Target {slug} is used by {names}. Point them elsewhere or delete them first.",
                used_by=[user._asdict() for user in users],
            )
        made.note(rows.document(row), None)
        row.delete()


def reseal(*, by: Principal) -> list[str]:
    """Encrypt the secrets of all targets under the present first key; the targets that had any. All or none.

    Raises secrets.Unreadable when one was sealed under a key that is not here.
    """
    done = []
    with locked():
        for row in rows.targets():
            kept = {name: getattr(row, name) for name in ("proxy_password", "credentials_secret") if getattr(row, name)}
            if not kept:
                continue
            with change(by=by, action="target.reseal", subject=f"target:{row.slug}") as made:
                before = rows.document(row)
                for name, sealed in kept.items():
                    setattr(row, name, secrets.resealed(sealed))
                row.save(update_fields=list(kept))
                made.note(before, rows.document(row))
            done.append(row.slug)
    return done


def find(slug: str) -> Target:
    """The target with everything its document needs. Raises NotFound."""
    row = rows.targets().filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no target {slug!r}.")
    return row


def _write(made: Change, row: Target, stated: Document, *, before: Document | None) -> Target:
    secret_fields.check(row if row.pk else None, stated)
    rows.write(row, stated)
    saved = find(row.slug)
    made.note(before, rows.document(saved))
    return saved
