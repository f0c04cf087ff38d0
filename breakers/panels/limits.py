"""The limits that are effective where, and why, as pages list them: the rule that wins first."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from breakers import routes
from breakers.core.limits import Explained, Level, Limits
from breakers.documents import plans as plan_documents
from breakers.documents import stages as stage_documents
from breakers.documents import throttles as throttle_documents
from breakers.models import Stage
from breakers.operations import plans, throttles
from breakers.routes import RouteFacts

# Who shares a bucket of this level.
SHARED_BY: Mapping[Level, str] = {"client": "each consumer", "stage": "everybody together", "account": "everything"}


class Line(NamedTuple):
    """One limit in a list: whether it counts, why, who shares it, and the noun where it is stated."""

    why: str
    wins: bool
    level: str
    kind: str
    slug: str


class Place(NamedTuple):
    """Requests under the same limits: some methods of a route (None: of any) in a stage."""

    stage: str
    route: RouteFacts | None
    methods: Sequence[str]
    lines: Sequence[Line]

    @property
    def winning(self) -> list[Line]:
        return [line for line in self.lines if line.wins]

    @property
    def replaced(self) -> list[Line]:
        return [line for line in self.lines if not line.wins]


def present() -> Limits:
    """The limits of everything that is configured now."""
    return Limits(
        [stage_documents.document(row) for row in Stage.objects.all()],
        [plan_documents.document(row) for row in plans.rows()],
        [throttle_documents.document(row) for row in throttles.rows()],
    )


def lines(explained: Iterable[Explained]) -> list[Line]:
    found = []
    for limit, wins, why in explained:
        kind, _, rest = limit.source.partition(":")
        found.append(Line(why, wins, SHARED_BY[limit.level], kind, rest.partition(" ")[0]))
    return found


def of_plan(slug: str, stages: Sequence[str]) -> tuple[list[tuple[str, Place]], list[RouteFacts]]:
    """What a consumer of the plan is under on each route that needs a key: (plan, place); and the routes that need
    none, where the plan is not metered.
    """
    limits = present()
    found, open_ones = [], []
    for facts in routes.known():
        reached = [stage for stage in stages if facts.enabled and stage in facts.stages]
        if reached and not facts.api_key_required:
            open_ones.append(facts)
            continue
        for stage in reached:
            found += [(slug, place) for place in _grouped(limits, stage, facts, slug)]
    return found, open_ones


def plan_itself_counts(slug: str, stages: Sequence[str]) -> bool:
    """Whether any request is under the plan's own rate, which overrides replace where they apply."""
    limits = present()
    return any(
        limit.source == f"plan:{slug}"
        for facts in routes.known()
        if facts.enabled and facts.api_key_required
        for stage in set(stages) & set(facts.stages)
        for method in facts.methods
        for limit in limits.effective(stage, facts.slug, method, slug)
    )


def of_route(facts: RouteFacts) -> list[tuple[str, Place]]:
    """What requests of a route are under, in each of its stages and with each plan whose keys open it: (plan, place).

    The plan is empty where none is metered.
    """
    limits = present()
    opened = {row.slug: {stage.slug for stage in row.stages.all()} for row in plans.rows()}
    found = []
    for stage in facts.stages:
        keyed = [slug for slug, stages in opened.items() if stage in stages] if facts.api_key_required else [""]
        for plan in keyed or [""]:
            found += [(plan, place) for place in _grouped(limits, stage, facts, plan or None)]
    return found


def resolve(stage: str, route: str, method: str, plan: str | None) -> tuple[Place, str]:
    """The limits of one kind of request, and what else there is to say about it."""
    facts = next((facts for facts in routes.known() if facts.slug == route), None)
    metered, note = plan, ""
    if facts is not None:
        if not facts.enabled:
            note = "The route is disabled: such a request finds nothing."
        elif stage not in facts.stages:
            note = f"Route {route} cannot be reached through stage {stage}."
        elif method not in facts.methods:
            note = f"Route {route} takes {', '.join(facts.methods)}; a {method} finds nothing here."
        if plan and not facts.api_key_required:
            metered, note = None, note or "The route needs no key, so the plan is not metered here."
    explained = lines(present().explain(stage, route or None, method, metered))
    return Place(stage, facts, [method], explained), note


def _grouped(limits: Limits, stage: str, facts: RouteFacts, plan: str | None) -> list[Place]:
    """Methods under the same limits stand together."""
    groups: dict[tuple[Any, ...], tuple[list[str], list[Line]]] = {}
    for method in facts.methods:
        explained = lines(limits.explain(stage, facts.slug, method, plan))
        key = tuple((line.why, line.wins) for line in explained)
        groups.setdefault(key, ([], explained))[0].append(method)
    return [Place(stage, facts, methods, explained) for methods, explained in groups.values()]
