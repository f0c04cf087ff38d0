"""Making, changing, cloning and removing usage plans. None of it touches what consumers have used."""

from typing import Any

from django.db.models import Q, QuerySet

from breakers import routes
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.plans import UsagePlanShape, complete, document
from breakers.models import ApiKey, PlanOverride, UsagePlan
from controlplane.config.commit import change
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

from .stages import chosen


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[UsagePlan, bool]:
    """Make the plan `slug` what `data` says; the row, and whether it is new. Consumption stays as it is."""
    stated = checking.shaped(UsagePlanShape, slug, data)
    with change(by=by, action="plan.put", subject=f"plan:{slug}", reason=reason) as made:
        row = rows().filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or UsagePlan(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> UsagePlan:
    """Lay `data` over the plan's document (RFC 7396)."""
    with change(by=by, action="plan.patch", subject=f"plan:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(UsagePlanShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def clone(slug: str, new_slug: str, title: str, *, by: Principal, reason: str = "") -> UsagePlan:
    """A new plan with the same limits, stages and overrides, and no keys. Raises Conflict when the name is taken."""
    with change(by=by, action="plan.clone", subject=f"plan:{new_slug}", reason=reason) as made:
        wanted = {**document(find(slug)), "slug": new_slug, "title": title}
        stated = checking.shaped(UsagePlanShape, new_slug, wanted)
        if UsagePlan.objects.filter(slug=new_slug).exists():
            raise Conflict(f"There is a plan {new_slug} already; choose another name.")
        saved = _write(UsagePlan(slug=new_slug), stated)
        made.note(None, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Remove a plan that no working key has. Raises Conflict that names the keys."""
    with change(by=by, action="plan.delete", subject=f"plan:{slug}", reason=reason) as made:
        row = find(slug)
        users = used_by(row)
        if users:
            names = ", ".join(user["title"] for user in users[:5])
            more = f" and {len(users) - 5} more" if users[5:] else ""
            text = f"Usage plan {slug} is used by {names}{more}. Give them another plan or revoke them first."
            raise Conflict(text, used_by=users)
        made.note(document(row), None)
        row.delete()


def rows() -> QuerySet[UsagePlan]:
    """Plans with everything that their documents are made of, in three queries however many there are."""
    return UsagePlan.objects.prefetch_related("stages", "overrides")


def find(slug: str) -> UsagePlan:
    row = rows().filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no usage plan {slug!r}.")
    return row


def used_by(plan: UsagePlan) -> list[dict[str, str]]:
    """The working keys of a plan: [{"kind", "slug", "title"}]."""
    keys = working(plan.keys.select_related("consumer"))
    return [{"kind": "key", "slug": key.pk, "title": _named(key)} for key in keys]


def working(keys: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
    """Those of `keys` that open something now: not revoked, not expired, not rotated beyond their grace."""
    now = clock.now()
    return keys.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), Q(grace_until=None) | Q(grace_until__gt=now), revoked_at=None
    )


def check(slug: str, stated: Document) -> None:
    """Raises Invalid when the plan names what does not exist, or would give a key two plans in one stage."""
    whole = complete(slug, stated)
    chosen(list(stated.get("stages") or whole["stages"]), "stages")
    known = {facts.slug for facts in routes.known()}
    unknown = [
        FieldProblem(f"overrides[{index}].route", "unknown", f"There is no route {override['route']!r}; make it first.")
        for index, override in enumerate(whole["overrides"])
        if override["route"] is not None and override["route"] not in known
    ]
    if unknown:
        raise Invalid("Overrides name routes that do not exist.", problems=unknown)
    clashes = _clashes(slug, set(whole["stages"]))
    if clashes:
        more = f" and {len(clashes) - 5} more" if clashes[5:] else ""
        text = f"A key has one plan in a stage, and these would have two: {'; '.join(clashes[:5])}{more}."
        raise Invalid("Keys would have two plans in one stage.", problems=[FieldProblem("stages", "two_plans", text)])


def _clashes(slug: str, stages: set[str]) -> list[str]:
    """The working keys of this plan that another plan of theirs admits to one of these stages."""
    found = []
    for key in (
        working(ApiKey.objects.filter(plans__slug=slug)).select_related("consumer").prefetch_related("plans__stages")
    ):
        for plan in key.plans.all():
            shared = sorted(stages & {stage.slug for stage in plan.stages.all()}) if plan.slug != slug else []
            if shared:
                found.append(f"{_named(key)} has plan {plan.slug} in {', '.join(shared)}")
    return found


def _named(key: ApiKey) -> str:
    return f"key {key.prefix}… of {key.consumer.slug}"


def _write(row: UsagePlan, stated: Document) -> UsagePlan:
    check(row.slug, stated)
    whole = complete(row.slug, stated)
    for name in ("title", "description", "rate", "burst", "mode", "on_store_error"):
        setattr(row, name, whole[name])
    quota = whole["quota"]
    row.quota_limit = None if quota is None else quota["limit"]
    if quota is not None:
        row.quota_period, row.quota_time_zone = quota["period"], quota["time_zone"]
        row.quota_offset_h = quota["offset_h"]
    row.save()
    row.stages.set(chosen(whole["stages"], "stages"))
    row.overrides.all().delete()
    PlanOverride.objects.bulk_create(
        PlanOverride(
            plan=row,
            position=position,
            route=override["route"] or "",
            method=override["method"] or "",
            rate=override["rate"],
            burst=override["burst"],
        )
        for position, override in enumerate(whole["overrides"])
    )
    return find(row.slug)
