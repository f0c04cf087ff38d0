"""API tokens as listeners without a database know them: hashes, names and acts, in one configuration piece."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.access.models import ApiToken
from controlplane.config.commit import recompile
from controlplane.config.models import ConfigVersion
from controlplane.config.pieces import Piece
from controlplane.kernel import clock
from controlplane.kernel.access import Principal, can

ACTS = ("report", "view", "operate")  # those that anything but control asks for


def pieces() -> Iterator[Piece]:
    rows = ApiToken.objects.select_related("user").filter(revoked_at=None, user__is_active=True).order_by("hash")
    acts: dict[int, list[str]] = {}
    tokens = []
    for token in rows:
        if token.user_id not in acts:
            acts[token.user_id] = [act for act in ACTS if can(token.user, act)]
        if acts[token.user_id]:
            expires_at_ms = None if token.expires_at is None else clock.to_ms(token.expires_at)
            held = {"hash": token.hash, "name": token.principal().name, "acts": acts[token.user_id]}
            tokens.append({**held, "expires_at_ms": expires_at_ms})
    if tokens:
        yield Piece("tokens", "all", {"tokens": tokens})


def follow() -> int | None:
    """Compile anew when users or their roles have changed since; the new version, or None when nothing had."""
    newest = ConfigVersion.objects.order_by("-number").values_list("manifest", flat=True).first() or {}
    present = {piece.key: piece.sealed().digest for piece in pieces()}
    if newest.get("tokens/all") == present.get("tokens/all"):
        return None
    return recompile(by=Principal.system("access"), action="token.follow", subject="tokens")
