"""The configuration document's parts: a piece is one noun's compiled body, known by the hash of its content."""

from __future__ import annotations

from typing import Any

import msgspec

from controlplane.kernel import canonical

# "target/catalog" -> digest
Manifest = dict[str, str]


class Piece(msgspec.Struct, frozen=True):
    """One noun as the data plane sees it. `body` is JSON-able and never changed once compiled."""

    kind: str
    slug: str
    body: dict[str, Any]
    digest: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.slug}"

    def sealed(self) -> Piece:
        """The same piece with its digest. Kind and slug are hashed too: equal bodies of two nouns stay two pieces."""
        return msgspec.structs.replace(self, digest=canonical.digest([self.kind, self.slug, self.body]))
