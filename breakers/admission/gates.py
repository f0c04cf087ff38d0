"""What each route asks at the inbound door, stage by stage: worked out once per configuration version.

A route that asks nothing has no gate, and costs its requests one look into a dictionary.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog

from breakers.core.allowances import TokenLimit
from breakers.core.limits import Limit, Limits
from breakers.core.quotas import QuotaTerms

from . import authorize
from .authorize import Authorizer, Unusable
from .identify import Piece
from .jwks import Issuers

MAIN = "main"
CONSUMERS_KEPT = 20_000
# A bucket counts as younger than the ledger only when it is so by more than clocks of two hosts may differ.
CLOCKS_DIFFER_MS = 5_000

log = structlog.get_logger("switchgear.admission")

Document = Mapping[str, Any]


class Consumer(NamedTuple):
    """Whose request it is; nobody in particular without a key."""

    slug: str = ""
    created_at_ms: int = 0


NOBODY = Consumer()


class Due:
    """What one consumer's request has to pay: tokens it must have, one that is only counted, and a quota's unit.

    `shown` is every limit in the order of levels, with the beginning of what RateLimit says of it.
    """

    __slots__ = ("counted", "policy", "policy_of", "quota", "shown", "tokens")

    def __init__(self, met: Sequence[tuple[Limit, TokenLimit]], quota: QuotaTerms | None) -> None:
        self.tokens = tuple(token for limit, token in met if limit.mode != "count")
        self.counted = next((token for limit, token in met if limit.mode == "count"), None)
        self.quota = quota
        self.shown = [(token, f'"{policy_name(limit)}";r=') for limit, token in met]
        self.policy = b""
        self.policy_of: tuple[int, float] | None = None  # size and begin of the quota that `policy` speaks of


class Buckets:
    """One object for each bucket, whichever route it is met on: a pool knows its terms by identity.

    `created` tells when plans, throttles and stages were made, by the beginning of a limit's source ("plan:gold").
    """

    def __init__(self) -> None:
        self.created: Mapping[str, int] = {}
        self._known: dict[str, TokenLimit] = {}

    def of(self, limit: Limit, consumer: Consumer) -> TokenLimit:
        id, created = limit.bucket_for(consumer.slug), self.created.get(limit.source.partition(" ")[0], 0)
        if limit.level == "client":
            created = max(created, consumer.created_at_ms)  # before both were there, nobody can have used it
        token = TokenLimit(id, limit.rate, limit.burst, limit.on_store_error, max(0, created - CLOCKS_DIFFER_MS))
        known = self._known.get(id)
        if known == token:
            return known
        if len(self._known) >= CONSUMERS_KEPT:
            self._known.clear()
        self._known[id] = token
        return token


class Meter:
    """The limits of one route, method and plan in one stage. `plan` is the document, None where none is metered."""

    __slots__ = ("_buckets", "_due", "counting", "free", "limits", "plan", "slug")

    def __init__(self, limits: tuple[Limit, ...], plan: Document | None, buckets: Buckets) -> None:
        self.limits, self.plan, self._buckets = limits, plan, buckets
        self.slug: str = plan["slug"] if plan is not None else ""
        self.counting = plan is not None and plan["mode"] == "count"
        self.free = not limits and (plan is None or plan["quota"] is None)
        self._due: dict[str, Due] = {}

    def due(self, consumer: Consumer) -> Due:
        found = self._due.get(consumer.slug)
        if found is None:
            if len(self._due) >= CONSUMERS_KEPT:
                self._due.clear()
            found = self._due[consumer.slug] = self._reckon(consumer)
        return found

    def _reckon(self, consumer: Consumer) -> Due:
        quota = terms_of(self.plan, consumer.slug) if self.plan is not None else None
        return Due([(limit, self._buckets.of(limit, consumer)) for limit in self.limits], quota)


class Gate:
    """What one route asks in one stage. `weighs`: the sizes that rules of the stage ask about."""

    __slots__ = ("_id", "authorizer", "keyed", "meters", "route", "screened", "stage", "weighs")

    def __init__(
        self, stage: str, route: str, digest: str, *, keyed: bool, authorizer: Authorizer | None, screened: bool
    ) -> None:
        self.stage, self.route, self.keyed, self.authorizer = stage, route, keyed, authorizer
        self.screened = screened
        self.weighs: frozenset[str] = frozenset()
        self.meters: dict[tuple[str, str], Meter] = {}
        self._id = (stage, route, digest)

    def same(self, other: "Gate | None") -> bool:
        """Whether a request that has passed `other` has passed this one: the same route, as it was then."""
        return other is not None and self._id == other._id


class Authorizers:
    """One for each route that has one; unchanged routes keep theirs, with the tokens that it has verified."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers
        self._known: dict[str, tuple[str, Authorizer]] = {}

    def configure(self, routes: Mapping[str, Piece]) -> dict[str, Authorizer]:
        blocks = {slug: block for slug, piece in routes.items() if (block := piece.body.get("authorizer")) is not None}
        known = self._known
        self._known = {}
        for slug, block in blocks.items():
            digest = routes[slug].digest
            kept = known.get(slug)
            self._known[slug] = kept if kept is not None and kept[0] == digest else (digest, self._parse(slug, block))
        self._issuers.keep(url for block in blocks.values() if (url := block.get("jwks_url")))
        return {slug: authorizer for slug, (_, authorizer) in self._known.items()}

    def _parse(self, slug: str, block: Mapping[str, Any]) -> Authorizer:
        try:
            return authorize.parse(block, self._issuers)
        except (KeyError, TypeError, ValueError) as error:
            log.error("authorizer_unusable", route=slug, error=repr(error))
            return Unusable()


def gates(
    routes: Mapping[str, Piece],
    authorizers: Mapping[str, Authorizer],
    limits: Limits,
    screened: "Screened",
) -> dict[tuple[str, str], Gate]:
    """By stage and route, for those that ask anything at all."""
    found: dict[tuple[str, str], Gate] = {}
    for slug, piece in routes.items():
        body = piece.body
        keyed, authorizer = bool(body.get("api_key_required")), authorizers.get(slug)
        for stage in body.get("stages", (MAIN,)):
            asked = screened.stage(stage)
            if keyed or authorizer is not None or asked or _limited(limits, stage, slug, body["methods"]):
                found[stage, slug] = Gate(stage, slug, piece.digest, keyed=keyed, authorizer=authorizer, screened=asked)
    return found


class Screened:
    """Which stages have request rules."""

    def __init__(self, rules: Iterable[Mapping[str, Any]]) -> None:
        stages = {rule.get("stage") for rule in rules if rule.get("enabled", True)}
        self._everywhere, self._stages = None in stages, stages

    def stage(self, slug: str) -> bool:
        return self._everywhere or slug in self._stages


def _limited(limits: Limits, stage: str, route: str, methods: Iterable[str]) -> bool:
    return any(limits.effective(stage, route, method.upper(), None) for method in methods)


def terms_of(plan: Document, consumer: str) -> QuotaTerms | None:
    """The plan's quota for one consumer; None when it has none."""
    quota = plan["quota"]
    if quota is None:
        return None
    return QuotaTerms(
        consumer,
        plan["slug"],
        quota["limit"],
        quota["period"],
        quota["time_zone"],
        quota["offset_h"],
        plan["on_store_error"],
    )


def policy_name(limit: Limit) -> str:
    """What a limit is called in RateLimit fields: a plan by its slug, anything else by kind and slug."""
    return limit.source.removeprefix("plan:")
