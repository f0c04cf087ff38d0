"""The public keys of token issuers: fetched beside the requests, refreshed, and kept while an issuer is away.

An issuer's address is vetted like a target's and fetched over the same wire. Only asymmetric keys are read, so that a
published key can never serve as a shared secret.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from jwt import PyJWK, PyJWTError

from breakers.core.settings import TargetSettings
from breakers.guard.addresses import AddressRule
from breakers.guard.errors import GuardError
from breakers.guard.faults import WireFailure
from breakers.guard.messages import Request
from breakers.guard.transport import open_wire

REFRESH_S = 300.0
ASK_AGAIN_S = 30.0  # how soon at the earliest an unknown key id leads to another look
RETRY_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # between attempts while nothing was fetched yet
TIMEOUT_S = 5.0
WAIT_S = 2.0  # how long a request waits for a look that is under way
MAX_BYTES = 256 << 10
LOOK_S = 0.5
MIN_RSA_BITS = 2048

_RSA = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"))
_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA", "Ed448": "EdDSA"}

log = structlog.get_logger("switchgear.admission")


class PublicKey(msgspec.Struct, frozen=True):
    kid: str
    algorithms: frozenset[str]
    key: Any


class KeyRing:
    """Keys of one issuer, frozen. ValueError when none of them can be used."""

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self.keys = tuple(keys)

    @classmethod
    def parse(cls, document: Any) -> "KeyRing":
        """From a JWKS, as text or as what it says; keys of other kinds or for other uses are passed over."""
        try:
            read = json.loads(document) if isinstance(document, str | bytes) else document
            listed = read["keys"]
            found = [key for each in listed if isinstance(each, dict) and (key := _public_key(each)) is not None]
        except (TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"This is no JWKS: {error!r}") from None
        if not found:
            raise ValueError("The JWKS holds no asymmetric key for signatures")
        return cls(found)

    def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """The key that a token names; one without a name fits when it is the only one for the algorithm."""
        fitting = [key for key in self.keys if algorithm in key.algorithms and kid in (None, key.kid)]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None


def _public_key(jwk: dict[str, Any]) -> PublicKey | None:
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        return None
    match jwk.get("kty"):
        case "RSA":
            algorithms = _RSA
        case "EC" | "OKP":
            algorithms = frozenset((_BY_CURVE.get(str(jwk.get("crv")), ""),))
        case _:
            return None
    stated = jwk.get("alg")
    if stated is not None:
        algorithms = algorithms & {stated}
    if not algorithms or "" in algorithms:
        return None
    # Only the public members: a set that publishes more is the issuer's mistake, not ours to repeat.
    public: dict[str, Any] = {name: jwk[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in jwk}
    try:
        key = PyJWK(public, algorithm=min(algorithms)).key
    except (PyJWTError, ValueError, TypeError):
        return None
    if jwk["kty"] == "RSA" and key.key_size < MIN_RSA_BITS:
        return None
    return PublicKey(str(jwk.get("kid", "")), algorithms, key)


class RemoteKeys:
    """The keys behind one URL. `ring` is None until they were fetched once; `changes` counts different sets."""

    def __init__(self, url: str, addresses: AddressRule, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self.ring: KeyRing | None = None
        self.changes = 0
        self._text = b""
        self._addresses, self._clock = addresses, clock
        self._failures = 0
        self._asked_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def due(self) -> bool:
        wait = REFRESH_S if not self._failures else RETRY_S[min(self._failures, len(RETRY_S)) - 1]
        return self._task is None and self._clock() - self._asked_at >= wait

    def start(self) -> None:
        """Look beside the requests."""
        if self._task is None:
            self._asked_at = self._clock()
            self._task = asyncio.get_running_loop().create_task(self._look())

    async def look_again(self) -> None:
        """A token names a key that is not here: wait for a look under way, or start one if the last is long ago."""
        if self._task is None:
            wait = ASK_AGAIN_S if self.ring is not None else RETRY_S[0]
            if self._clock() - self._asked_at < wait:
                return
            self.start()
        await self.settled()

    async def settled(self) -> None:
        """Returns when no look is under way, or a request has waited long enough for it."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=WAIT_S)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _look(self) -> None:
        try:
            text = await self._fetch()
            if text != self._text:
                self.ring, self._text = KeyRing.parse(text), text
                self.changes += 1
            self._failures = 0
        except (WireFailure, GuardError, ValueError, OSError) as error:
            self._failures += 1
            log.warning("jwks_not_fetched", url=self.url, error=str(error), kept=self.ring is not None)
        finally:
            self._task = None

    async def _fetch(self) -> bytes:
        url = urlsplit(self.url)
        origin = TargetSettings(slug="jwks", base_url=f"{url.scheme}://{url.netloc.rpartition('@')[2]}")
        wire = open_wire(origin, max_body=MAX_BYTES, addresses=self._addresses)
        try:
            request = Request("GET", url.path or "/", url.query, [("accept", "application/json")])
            answer = await wire.send(request, timeout_s=TIMEOUT_S)
        finally:
            await wire.close()
        if answer.status != 200:
            raise ValueError(f"the answer was {answer.status}")
        return answer.body


class Issuers:
    """Every URL that authorizers fetch keys from; each is fetched once, however many routes use it."""

    def __init__(self, addresses: AddressRule, clock: Callable[[], float] = time.monotonic) -> None:
        self._addresses, self._clock = addresses, clock
        self._remote: dict[str, RemoteKeys] = {}

    def at(self, url: str) -> RemoteKeys:
        if url not in self._remote:
            self._remote[url] = RemoteKeys(url, self._addresses, self._clock)
        return self._remote[url]

    def keep(self, urls: Iterable[str]) -> None:
        """Forget all others."""
        for url in self._remote.keys() - set(urls):
            self._remote.pop(url)

    async def run(self) -> None:
        """Fetch what is due until cancelled."""
        while True:
            for remote in self._remote.values():
                if remote.due:
                    remote.start()
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        await asyncio.gather(*(remote.close() for remote in self._remote.values()))
