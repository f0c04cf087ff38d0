"""The one way to change configuration: under the head's lock, with one audit entry and one new version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max

from controlplane.audit.chain import record
from controlplane.config import publish
from controlplane.config.models import ConfigHead, ConfigPiece, ConfigVersion, Revision
from controlplane.config.pieces import Manifest, Piece
from controlplane.kernel import canonical, clock, seams
from controlplane.kernel.access import Principal

Document = dict[str, Any]


@dataclass
class Change:
    """A change that is being made. The operation notes the noun's document before and after."""

    by: Principal
    action: str
    subject: str
    reason: str
    before: Document | None = None
    after: Document | None = None
    version: int = 0
    revision: int = 0
    unchanged: bool = field(default=False, init=False)

    def note(self, before: Document | None, after: Document | None) -> None:
        self.before, self.after = before, after


@contextmanager
def locked() -> Iterator[ConfigHead]:
    """A transaction that holds the head's lock. Whatever is read inside stays true until it ends."""
    with transaction.atomic():
        head, _ = ConfigHead.objects.select_for_update().get_or_create(pk=1)
        yield head


@contextmanager
def change(
    *, by: Principal, action: str, subject: str, reason: str = "", revises: str | None = None
) -> Iterator[Change]:
    """Change what an operator owns, e.g. `change(by=…, action="target.update", subject="target:catalog")`.

    Locks the head, lets the caller write its rows and `note(before, after)`, then writes one audit entry and one
    revision of the noun, compiles every compiler named in CONFIG_COMPILERS, and stores a new version when the result
    differs. After the commit the version is published. When before and after are equal nothing is written.

    `revises` names the noun whose revision this is, as "kind:slug"; by default the subject. An override's subject is
    its target ("target:catalog"), but it revises "override:catalog".
    """
    with locked() as head:
        made = Change(by=by, action=action, subject=subject, reason=reason)
        yield made
        made.unchanged = made.before is not None and made.before == made.after
        kind, _, slug = (revises or subject).partition(":")
        made.revision = current_revision(kind, slug)
        if not made.unchanged:
            record(action=action, subject=subject, by=by, before=made.before, after=made.after, reason=reason)
            made.revision += 1
            _revise(made, kind, slug)
        made.version = _version(head, made)
        transaction.on_commit(publish.announce)


def recompile(*, by: Principal, action: str, subject: str) -> int:
    """Compile anew what is no noun but travels with the configuration; its audit is the caller's. The version."""
    with locked() as head:
        number = _version(head, Change(by=by, action=action, subject=subject, reason=""))
        transaction.on_commit(publish.announce)
    return number


def current_revision(kind: str, slug: str) -> int:
    """The number of a noun's newest revision; 0 when it never had one."""
    found = Revision.objects.filter(kind=kind, slug=slug).aggregate(newest=Max("number"))["newest"]
    return int(found or 0)


def current_revisions(kind: str) -> dict[str, int]:
    """The newest revision number of every noun of a kind, by slug."""
    rows = Revision.objects.filter(kind=kind).order_by().values_list("slug").annotate(newest=Max("number"))
    return {slug: int(newest) for slug, newest in rows}


def compiled() -> dict[str, Piece]:
    """Every piece that the compilers yield now, by its key, in key order."""
    pieces = [piece.sealed() for compiler in seams.sources("CONFIG_COMPILERS") for piece in compiler()]
    return {piece.key: piece for piece in sorted(pieces, key=lambda piece: piece.key)}


def _revise(made: Change, kind: str, slug: str) -> None:
    Revision.objects.create(
        kind=kind,
        slug=slug,
        number=made.revision,
        body=made.after,
        created_at=clock.now(),
        by=made.by.name,
        action=made.action,
        reason=made.reason,
    )


def _version(head: ConfigHead, made: Change) -> int:
    """The number that carries this change: a new version, or the present one when nothing compiled differently."""
    pieces = compiled()
    manifest: Manifest = {key: piece.digest for key, piece in pieces.items()}
    newest = ConfigVersion.objects.filter(number=head.number).values_list("manifest", flat=True).first()
    if newest is not None and canonical.digest(newest) == canonical.digest(manifest):
        return head.number
    known = set((newest or {}).values())
    ConfigPiece.objects.bulk_create(
        [
            ConfigPiece(digest=piece.digest, kind=piece.kind, slug=piece.slug, body=piece.body)
            for piece in pieces.values()
            if piece.digest not in known
        ],
        ignore_conflicts=True,
    )
    head.number += 1
    ConfigVersion.objects.create(
        number=head.number,
        manifest=manifest,
        created_at=clock.now(),
        by=made.by.name,
        action=made.action,
        subject=made.subject,
    )
    head.save(update_fields=["number"])
    return head.number
