"""The capacity arithmetic over what is configured now, or would be with one document changed."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import Count

from breakers import routes
from breakers.core import capacity
from breakers.core.capacity import Finding, Installation, TargetTerms
from breakers.core.demand import RouteLoad
from breakers.documents import plans as plan_documents
from breakers.documents import stages as stage_documents
from breakers.documents import throttles as throttle_documents
from breakers.documents.defaults import Document, complete
from breakers.models import ApiKey, Stage, Target
from breakers.operations import plans, throttles
from breakers.store.board import read_board
from controlplane.kernel import valkey

# One document for each kind, "plan", "throttle", "stage", "route" or "target", with its slug; defaults may be left out.
Replacing = Mapping[str, Mapping[str, Any]]


def findings(replacing: Replacing | None = None) -> list[Finding]:
    """Everything that does not fit, warnings first."""
    return capacity.findings(installation(replacing))


def installation(replacing: Replacing | None = None) -> Installation:
    """What is configured, with the documents of `replacing` in the place of those with their slugs, or besides."""
    given = dict(replacing or {})
    found = {
        "stage": [stage_documents.document(row) for row in Stage.objects.all()],
        "plan": [plan_documents.document(row) for row in plans.rows()],
        "throttle": [throttle_documents.document(row) for row in throttles.rows()],
    }
    completed = {"stage": stage_documents, "plan": plan_documents, "throttle": throttle_documents}
    for kind, documents in found.items():
        if kind in given:
            slug = given[kind]["slug"]
            others = [document for document in documents if document["slug"] != slug]
            found[kind] = [*others, completed[kind].complete(slug, dict(given[kind]))]
    return Installation(
        stages=tuple(found["stage"]),
        plans=tuple(found["plan"]),
        throttles=tuple(found["throttle"]),
        routes=tuple(
            RouteLoad(facts.slug, facts.methods, facts.stages, facts.api_key_required, dict(facts.calls), facts.kept_s)
            for facts in routes.known(given.get("route"))
            if facts.enabled
        ),
        targets=tuple(_targets(given.get("target"))),
        consumers=consumers(),
        front_doors=front_doors(),
    )


def consumers() -> dict[str, int]:
    """How many consumers have a working key of each plan."""
    keyed = plans.working(ApiKey.objects.filter(plans__isnull=False)).order_by()
    return dict(keyed.values_list("plans__slug").annotate(Count("consumer", distinct=True)))


def front_doors() -> int:
    """Front doors that are alive; as many as are set while nobody knows."""
    alive = read_board(valkey.shared(), settings.KEY_PREFIX, []).applied(0)[1]
    return int(alive or settings.FRONTDOOR_WORKERS)


def _targets(replaced: Mapping[str, Any] | None) -> list[TargetTerms]:
    slug = None if replaced is None else replaced["slug"]
    rows = Target.objects.prefetch_related("contracts").exclude(slug=slug or "")
    found = [
        TargetTerms(row.slug, tuple((c.limit, c.period_s) for c in row.contracts.all()), row.max_concurrency)
        for row in rows
    ]
    if replaced is not None:
        found.append(_stated(complete(dict(replaced))))
    return sorted(found, key=lambda target: target.slug)


def _stated(target: Document) -> TargetTerms:
    contracts = tuple((contract["limit"], contract["period_s"]) for contract in target["contracts"])
    return TargetTerms(target["slug"], contracts, target["max_concurrency"])
