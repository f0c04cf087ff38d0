"""Copies the newest version to Valkey and announces it; a failure is logged, for the periodic task tries again."""

from __future__ import annotations

import json
from pathlib import Path

import structlog
from django.db import transaction

from controlplane.config import keys
from controlplane.config.models import ConfigHead, ConfigPiece, ConfigVersion
from controlplane.config.pieces import Manifest
from controlplane.kernel import canonical, valkey

log = structlog.get_logger("switchgear.config")

SCRIPTS = valkey.scripts(Path(__file__).parent / "lua")
KEPT_VERSIONS = 200
# A reader that saw an older head may still be fetching its manifest.
OLD_MANIFEST_TTL_S = 300


def announce() -> None:
    """Publish what was just committed. Several commits in a row cost one push: the later ones find it done."""
    try:
        _publish(force=False)
    except valkey.Away as error:
        log.warning("config_not_published", error=str(error))


def republish() -> bool:
    """Bring Valkey to the database's head, whichever of the two is ahead; True when something had to be pushed."""
    try:
        return _publish(force=True)
    except valkey.Away as error:
        log.warning("config_not_published", error=str(error))
        return False


def _publish(*, force: bool) -> bool:
    client = valkey.shared()
    newest = _newest()
    if newest is None:
        return False
    number, manifest = newest
    text = canonical.text(manifest)
    head, kept = client.mget(keys.head(), keys.manifest(number))
    if head == str(number).encode() and kept == text.encode() and _complete(manifest):
        return False

    _push_pieces(manifest)
    client.set(keys.manifest(number), text)
    if SCRIPTS["raise_head"].run(client, [keys.head()], number, "1" if force else "0"):
        if head is not None and int(head) != number:
            client.expire(keys.manifest(int(head)), OLD_MANIFEST_TTL_S)
        client.publish(keys.push(), json.dumps({"k": "config", "n": number}))
        _forget_pieces(manifest)
    return True


def _newest() -> tuple[int, Manifest] | None:
    return ConfigVersion.objects.order_by("-number").values_list("number", "manifest").first()


def _complete(manifest: Manifest) -> bool:
    return not manifest or valkey.shared().hlen(keys.pieces()) >= len(set(manifest.values()))


def _push_pieces(manifest: Manifest) -> None:
    digests = sorted(set(manifest.values()))
    if not digests:
        return
    client = valkey.shared()
    held = client.hmget(keys.pieces(), digests)
    missing = [digest for digest, body in zip(digests, held, strict=True) if body is None]
    rows = ConfigPiece.objects.in_bulk(missing)
    if rows:
        client.hset(
            keys.pieces(),
            mapping={
                digest: canonical.text({"kind": row.kind, "slug": row.slug, "body": row.body})
                for digest, row in rows.items()
            },
        )


def _forget_pieces(manifest: Manifest) -> None:
    """Drop pieces that no recent version names, once they are many."""
    client = valkey.shared()
    if client.hlen(keys.pieces()) <= 2 * len(manifest) + 1000:
        return
    recent = set(manifest.values())
    for older in ConfigVersion.objects.order_by("-number").values_list("manifest", flat=True)[:20]:
        recent.update(older.values())
    held = {digest.decode() for digest in client.hkeys(keys.pieces())}  # type: ignore[union-attr]
    if stale := held - recent:
        client.hdel(keys.pieces(), *stale)


def prune(keep: int = KEPT_VERSIONS) -> int:
    """Delete versions older than the newest `keep`, and pieces that none of those left names."""
    with transaction.atomic():
        head = ConfigHead.objects.select_for_update().filter(pk=1).first()
        if head is None:
            return 0
        deleted, _ = ConfigVersion.objects.filter(number__lte=head.number - keep).delete()
        if deleted:
            named: set[str] = set()
            for manifest in ConfigVersion.objects.values_list("manifest", flat=True).iterator():
                named.update(manifest.values())
            orphans = set(ConfigPiece.objects.values_list("digest", flat=True)) - named
            for batch in _batches(sorted(orphans), 500):
                ConfigPiece.objects.filter(digest__in=batch).delete()
        return deleted


def _batches(values: list[str], size: int) -> list[list[str]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
