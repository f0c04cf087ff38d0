"""The inbound door: every gate that a request passes before its route is called, in one order.

    identify -> authorize -> screen -> meter

Identify first, because the other gates go by who calls; it costs one hash. Authorize before anything is counted, so
that nobody can use up what belongs to somebody whose key they have found: a key identifies, it does not authenticate.
Screen before meter, since what a rule refuses must cost no allowance. In meter the tokens of all levels are taken
together, and the quota last, because it is the dearest to give back.

Nothing waits while tokens and units are at hand. A request ends with exactly one outcome in the record.
"""

from collections.abc import Coroutine, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from redis.asyncio import Redis

from breakers.core.limits import Limits
from breakers.core.statements import Traits
from breakers.guard.addresses import AddressRule
from breakers.store.allowances import AllowanceStore
from breakers.store.usage import UsageStore
from breakers.store.windows import WindowStore

from .addresses import NOBODY as NO_PROXY
from .addresses import Trusted, resolve
from .challenges import Challenges, WebReply
from .errors import KEY_HEADER, Fields, KeyMissing, KeyNotAccepted, KeyUnknown, NotAdmitted
from .gates import NOBODY, Authorizers, Buckets, Consumer, Document, Gate, Meter, Screened, gates
from .identify import Key, KeyTable, Piece, identify, plan_of, recognise, refusal
from .jwks import Issuers
from .metering import Metering
from .passes import without_pass
from .quotas import Quotas
from .recorder import UsageRecorder
from .screening import Screen
from .tokens import TokenLeases
from .verdicts import carried_out

Headers = Sequence[tuple[bytes, bytes]]

KEY_FIELD = KEY_HEADER.lower().encode()
KINDS = ("stage", "plan", "throttle", "rule", "route")


class Plane(Protocol):
    """What the door needs of the process that hosts it."""

    id: str
    valkey: Redis
    frontdoors: int

    def now_ms(self) -> float: ...
    def spawn(self, work: Coroutine[Any, Any, Any]) -> Any: ...


class Snapshot(Protocol):
    def of(self, kind: str) -> Mapping[str, Piece]: ...


class Inbound(msgspec.Struct):
    """A request as it came: `path` canonical, still escaped and with the stage's base path; `counted_as` the method
    under which its route lists it; `sources` the values of X-Forwarded-For; `body_bytes` as announced, or as read.
    """

    method: str
    counted_as: str
    path: str
    raw_path: str
    query: str
    headers: Headers
    peer: str
    sources: Sequence[str]
    body_bytes: int


class Admitted(msgspec.Struct, frozen=True):
    """The request may go on. `fields` tell the client how it stands with its limits."""

    fields: Fields
    consumer: str = ""
    caller: str = ""


class Admission:
    """One per process. `start` keeps it true in the background; without it nothing is leased, drawn or told."""

    def __init__(self, plane: Plane, addresses: AddressRule, prefix: str) -> None:
        self._plane = plane
        self.keys = KeyTable()
        self.plans: Mapping[str, Document] = {}
        self.issuers = Issuers(addresses)
        self.tokens = TokenLeases(AllowanceStore(plane.valkey, prefix), plane.id, workers=self._workers)
        self.quotas = Quotas(plane.now_ms, self._workers)
        self.recorder = UsageRecorder(UsageStore(plane.valkey, prefix), plane.id, lambda: plane.now_ms() / 1000)
        self.challenges = Challenges(plane.valkey, prefix, now_ms=plane.now_ms)
        self.screen = Screen(
            WindowStore(plane.valkey, prefix),
            now_ms=plane.now_ms,
            passes=self.challenges.passes,
            record=self.recorder.record_rule,
        )
        self.challenges.on_solved = self.screen.solved
        self.metering = Metering(self.tokens, self.quotas, self.recorder)
        self._authorizers = Authorizers(self.issuers)
        self._limits = Limits()
        self._buckets = Buckets()
        self._stages_of: dict[str, Sequence[str]] = {}
        self._gates: dict[tuple[str, str], Gate] = {}
        self._trusted: dict[str, Trusted] = {}
        self._digests: dict[str, dict[str, str]] = {}
        self._alone = 0  # limits passed without the store, at the last look

    # Life -------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for loop in (self.tokens.run(), self.quotas.run(), self.recorder.run(), self.screen.run(), self.issuers.run()):
            self._plane.spawn(loop)

    async def close(self) -> None:
        """Give back what is held, deliver what is pending; after the loops have ended. Raises RedisError or OSError."""
        await self.issuers.close()
        await self.quotas.close()  # the database's first: it does not mind that the store is away
        await self.tokens.close()
        await self.screen.close()
        await self.recorder.close()

    def configure(self, snapshot: Snapshot) -> None:
        """Follow a newer version; what has not changed keeps what it has learned."""
        pieces = {kind: snapshot.of(kind) for kind in KINDS}
        digests = {kind: {slug: piece.digest for slug, piece in found.items()} for kind, found in pieces.items()}
        self.keys = self.keys.follow(snapshot.of("keys"))
        if digests == self._digests:
            return
        bodies = {kind: [piece.body for piece in found.values()] for kind, found in pieces.items()}
        if digests["rule"] != self._digests.get("rule"):
            self.screen.configure(bodies["rule"])
        self._digests = digests
        self.plans = {slug: piece.body for slug, piece in pieces["plan"].items()}
        self._stages_of = {slug: tuple(plan["stages"]) for slug, plan in self.plans.items()}
        self._trusted = {
            slug: Trusted(proxies)
            for slug, piece in pieces["stage"].items()
            if (proxies := piece.body.get("trusted_proxies"))
        }
        self._buckets.created = {
            f"{kind}:{slug}": piece.body.get("created_at_ms", 0)
            for kind in ("stage", "plan", "throttle")
            for slug, piece in pieces[kind].items()
        }
        self._limits = Limits(bodies["stage"], bodies["plan"], bodies["throttle"])
        authorizers = self._authorizers.configure(pieces["route"])
        self._gates = gates(pieces["route"], authorizers, self._limits, Screened(bodies["rule"]))
        for gate in self._gates.values():
            if gate.screened:
                gate.weighs = self.screen.weighs(gate.stage)

    def inexact(self) -> tuple[str, ...]:
        """What is decided now without the store that would make it exact: rates, quotas, rules."""
        counts = self.tokens.counts
        before, self._alone = self._alone, counts.voided + counts.local
        exact = before == self._alone and self.tokens.store_ok
        stores = {"rates": exact, "quotas": not self.quotas.away, "rules": self.screen.store_ok}
        return tuple(name for name, ok in stores.items() if not ok)

    def _workers(self) -> int:
        return self._plane.frontdoors

    # What a request does ----------------------------------------------------------------------------------------------

    def gate(self, stage: str, route: str) -> Gate | None:
        """What the route asks in this stage; None when it asks nothing."""
        return self._gates.get((stage, route))

    def client_of(self, stage: str, peer: str, sources: Sequence[str]) -> str:
        """Whose request it is, as far as the stage's trusted proxies vouch for it."""
        return resolve(peer, sources, self._trusted.get(stage, NO_PROXY))

    async def admit(self, gate: Gate, inbound: Inbound) -> Admitted | WebReply:
        """Through every gate, or one of the errors of this room; an answer in place of the route's own where a rule
        states one or asks for a proof of work.
        """
        now_ms = self._plane.now_ms()
        now_s = now_ms / 1000
        key, plan, consumer, caller = None, "", "", ""
        secret = _key_of(inbound.headers)
        try:
            if gate.keyed:
                identity = identify(self.keys, self._stages_of, secret, gate.stage, now_ms)
                key, plan = identity.key, identity.plan
            elif secret:
                key = recognise(self.keys, secret, now_ms)
            if key is not None:
                consumer = key.consumer
                self.recorder.used(key.id, now_s)
            if gate.authorizer is not None:
                caller = await gate.authorizer.authorize(inbound.headers, inbound.peer)
        except NotAdmitted as error:
            outcome = "unidentified" if isinstance(error, KeyNotAccepted) else "unauthorized"
            self.recorder.record(consumer, plan, outcome, now_s, gate.stage, gate.route)
            raise
        if gate.screened:
            traits = self._traits(gate, inbound, key)
            verdict = self.screen.check(traits)
            if verdict.action in ("block", "challenge"):
                outcome = "blocked" if verdict.action == "block" else "challenged"
                self.recorder.record(consumer, plan, outcome, now_s, gate.stage, gate.route)
                return carried_out(verdict, traits, self.challenges)
        meter = gate.meters.get((inbound.counted_as, plan)) or self._meter(gate, inbound.counted_as, plan)
        if meter.free:
            self.recorder.record(consumer, plan, "admitted", now_s, gate.stage, gate.route)
            return Admitted([], consumer, caller)
        payer = Consumer(consumer, key.consumer_created_at_ms) if key is not None and gate.keyed else NOBODY
        return Admitted(await self.metering.take(gate, meter, payer, now_ms), consumer, caller)

    def tidy(self, gate: Gate, headers: list[tuple[str, str]]) -> None:
        """Take out of a request what was meant for this door alone: the key, and the pass of a challenge."""
        if gate.keyed:
            headers[:] = [field for field in headers if field[0] != "x-api-key"]
        if gate.screened:
            for at, (name, value) in enumerate(headers):
                if name == "cookie" and (rest := without_pass(value)) != value:
                    headers[at] = (name, rest)
            headers[:] = [field for field in headers if field != ("cookie", "")]

    def _traits(self, gate: Gate, inbound: Inbound, key: Key | None) -> Traits:
        return Traits(
            method=inbound.method,
            path=_decoded(inbound.path),
            raw_path=inbound.raw_path,
            query=inbound.query,
            headers=inbound.headers,
            peer=inbound.peer,
            client=self.client_of(gate.stage, inbound.peer, inbound.sources),
            stage=gate.stage,
            route=gate.route,
            key=key.id if key is not None else "",
            consumer=key.consumer if key is not None else "",
            body_bytes=inbound.body_bytes,
            header_bytes=sum(map(len, chain.from_iterable(inbound.headers))) if "headers" in gate.weighs else 0,
        )

    def _meter(self, gate: Gate, method: str, plan: str) -> Meter:
        limits = self._limits.effective(gate.stage, gate.route, method, plan or None)
        meter = gate.meters[method, plan] = Meter(limits, self.plans.get(plan), self._buckets)
        return meter

    # What a consumer asks ---------------------------------------------------------------------------------------------

    def holder(self, headers: Headers) -> Key:
        """The valid key that a request carries, whatever stages it opens. Raises as `identify` does."""
        secret = _key_of(headers)
        if not secret:
            raise KeyMissing("Send your API key in the X-API-Key header.")
        key = self.keys.find(secret)
        if key is None:
            raise KeyUnknown("Nobody was given this API key.")
        if not key.valid(self._plane.now_ms()):
            raise refusal(key)
        return key

    def entered(self, key: Key) -> list[tuple[str, str]]:
        """(plan, stage) for every stage that the key opens."""
        stages = sorted({stage for plan in key.plans for stage in self._stages_of.get(plan, ())})
        return [(plan_of(key, self._stages_of, stage), stage) for stage in stages]


def _decoded(path: str) -> str:
    return unquote(path) if "%" in path else path


def _key_of(headers: Headers) -> bytes | None:
    for name, value in headers:
        if name == KEY_FIELD:
            return value
    return None
