"""Purging kept answers: of a target, a route, a tag, or of one request.

A purge is a time in the configuration document, so that a front door that was away, or a store that was, goes by it as
soon as it is back. What the shared store holds is deleted besides.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db.models import F, FloatField, Max

from breakers import routes
from breakers.core.purges import Mark, header_digest
from breakers.documents import checking
from breakers.documents.purges import PurgeShape
from breakers.models import Purge, Target
from breakers.store.kept import KeptStore
from controlplane.config.commit import change
from controlplane.kernel import canonical, clock, valkey
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid, NotFound

# Two clocks that follow the store's differ by less; without the store, machines go by clocks of their own.
APART_MS = 20
APART_ALONE_MS = 2000
MOST = 1000  # marks of tags and requests; of targets and routes there are as many as there are of these
LEAST_KEPT = timedelta(days=2)


class Purged(NamedTuple):
    """`names` of what was purged; `removed` answers of the shared store, None when it was away."""

    names: list[str]
    removed: int | None
    version: int


def purge(data: Any, *, by: Principal, reason: str) -> Purged:
    """Purge what `data` names (see PurgeShape): {"target": slug} | {"route": slug} | {"tag": word} | {"key": {…}}."""
    stated = checking.fields(PurgeShape, data)
    reason = reason.strip() or stated.get("reason", "").strip()
    if not reason:
        raise Invalid("A reason is needed.", problems=[FieldProblem("reason", "required", "Say why; it is kept.")])
    subject, marks = _meant(stated)
    at_ms = _now_ms()
    marks = [msgspec.structs.replace(mark, at_ms=at_ms) for mark in marks]
    names = [_name(mark) for mark in marks]
    with change(by=by, action="cache.purge", subject=subject, reason=reason, revises="purge:all") as made:
        for mark in marks:
            _put(mark)
        _tidy(clock.now())
        made.note(None, {"purged": names, "at": clock.rfc3339(at_ms), **_shown(stated)})
    return Purged(names, _removed(marks), made.version)


def _meant(stated: dict[str, Any]) -> tuple[str, list[Mark]]:
    """The subject in the audit, and the marks, their times left open."""
    if slug := stated.get("target"):
        _known(slug, Target.objects.filter(slug=slug).exists(), "target")
        leading = [facts.slug for facts in routes.known() if slug in facts.calls]
        return f"target:{slug}", [Mark(0, slug), *(Mark(0, f"route/{route}") for route in leading)]
    if slug := stated.get("route"):
        _known(slug, any(facts.slug == slug for facts in routes.known()), "route")
        return f"route:{slug}", [Mark(0, f"route/{slug}")]
    if tag := stated.get("tag"):
        return f"tag:{tag}"[:200], [Mark(0, tag=tag.lower()), *_tagged(tag)]
    key = stated["key"]
    kind = "target" if "target" in key else "route"
    subject, (owner, *_) = _meant({kind: key[kind]})
    headers = {name.lower(): header_digest(value) for name, value in key.get("headers", {}).items()}
    return subject, [Mark(0, owner.owner, path=key["path"], query=key.get("query"), headers=headers)]


def _tagged(tag: str) -> Iterable[Mark]:
    for slug, tags in Target.objects.values_list("slug", "tags"):
        if tag in tags:
            yield Mark(0, slug)
    for facts in routes.known():
        if tag in facts.tags:
            yield Mark(0, f"route/{facts.slug}")


def _known(slug: str, found: bool, kind: str) -> None:
    if not found:
        raise NotFound(f"There is no {kind} {slug!r}.")


def _name(mark: Mark) -> str:
    owner = mark.owner.replace("/", ":", 1) if mark.owner.startswith("route/") else f"target:{mark.owner}"
    if mark.tag:
        return f"tag:{mark.tag}"
    return f"{owner} {mark.path}{'' if mark.query is None else f'?{mark.query}'}" if mark.path else owner


def _shown(stated: dict[str, Any]) -> dict[str, Any]:
    """The request of a purge by key for the audit: names of headers, for values may be credentials."""
    key = stated.get("key")
    return {} if key is None else {"key": {**key, "headers": sorted(key.get("headers", {}))}}


def name_of(mark: Mark) -> str:
    """The same for purges of the same, whenever they were."""
    return canonical.digest({**msgspec.to_builtins(mark), "at_ms": 0})


def _put(mark: Mark) -> None:
    body = msgspec.to_builtins(mark)
    bounded = bool(mark.owner) and not mark.path
    given = {"mark": body, "at": clock.from_ms(mark.at_ms), "bounded": bounded}
    Purge.objects.update_or_create(name=name_of(mark), defaults=given)


def _tidy(now: datetime) -> None:
    """Forget purges of what has expired since; of too many, let the oldest become one purge of everything before."""
    Purge.objects.filter(at__lt=now - _longest()).delete()
    loose = Purge.objects.filter(bounded=False)
    if (surplus := loose.count() - MOST) > 0:
        oldest = list(loose.order_by("at").values_list("pk", "mark")[: surplus + MOST // 10])
        Purge.objects.filter(pk__in=[pk for pk, _ in oldest]).delete()
        _put(Mark(max(mark["at_ms"] for _, mark in oldest)))


def _longest() -> timedelta:
    """How long any answer can be kept, by the present settings."""
    kept = F("cache_ttl_s") + F("cache_max_stale_s")
    of_targets = Target.objects.aggregate(most=Max(kept, output_field=FloatField()))["most"] or 0
    of_routes = max((facts.kept_s or 0 for facts in routes.known()), default=0)
    return max(LEAST_KEPT, timedelta(seconds=2 * max(of_targets, of_routes)))


def _now_ms() -> int:
    try:
        return valkey.server_ms(valkey.shared()) + APART_MS
    except valkey.Away:
        return clock.now_ms() + APART_ALONE_MS


def _removed(marks: Iterable[Mark]) -> int | None:
    store = KeptStore(valkey.shared(), settings.KEY_PREFIX)
    try:
        return sum(store.remove(mark) for mark in marks)
    except valkey.Away:
        return None
