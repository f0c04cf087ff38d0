"""A real data plane per process-to-be, on a real store; only the configuration is handed over directly."""

import asyncio
import contextlib

import pytest

from breakers.dataplane import DataPlane
from controlplane.config.pieces import Piece


class Fleet:
    """Several data planes that follow one configuration, as front-door workers would."""

    def __init__(self) -> None:
        self.version = 0
        self.pieces: dict[str, Piece] = {}
        self.planes: list[DataPlane] = []

    def read(self):
        manifest = {key: piece.digest for key, piece in self.pieces.items()}
        by_digest = {piece.digest: piece for piece in self.pieces.values()}
        return self.version, manifest, lambda digests: {d: by_digest[d] for d in digests if d in by_digest}

    async def put(self, kind: str, slug: str, body: dict | None) -> None:
        key = f"{kind}/{slug}"
        self.pieces.pop(key, None)
        if body is not None:
            self.pieces[key] = Piece(kind, slug, body).sealed()
        self.version += 1
        await asyncio.gather(*(plane.config.refresh(database=True) for plane in self.planes))

    async def target(self, slug: str, base_url: str, **blocks) -> None:
        await self.put("target", slug, {"slug": slug, "base_url": base_url} | blocks)

    async def join(self, name: str) -> DataPlane:
        plane = DataPlane("frontdoor", name=name, database=self.read)
        await plane.start()
        self.planes.append(plane)
        return plane


@pytest.fixture
async def fleet(valkey, settings, tmp_path):
    settings.VALKEY_URL = valkey
    settings.LAST_GOOD = tmp_path / "last-good.json"
    fleet = Fleet()
    yield fleet
    for plane in fleet.planes:
        with contextlib.suppress(Exception):
            await plane.close()


@pytest.fixture
async def plane(fleet):
    return await fleet.join("worker-1")
