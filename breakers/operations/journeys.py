"""Registering journeys, and an operator's word on their delay."""

from datetime import datetime, timedelta
from typing import Any

from breakers.compiling import delay_body
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.journeys import DelayShape, JourneyShape, document
from breakers.models import Journey, JourneyDelay, JourneyMessage, JourneyTarget, Target
from breakers.models.actions import following
from controlplane.config.commit import change
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

DEFAULT_S = 3600
SYSTEM = Principal.system("expiry")


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Journey, bool]:
    """Make the journey `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(JourneyShape, slug, data)
    with change(by=by, action="journey.put", subject=f"journey:{slug}", reason=reason) as made:
        row = Journey.objects.filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Journey(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Journey:
    """Lay `data` over the journey's document (RFC 7396)."""
    with change(by=by, action="journey.patch", subject=f"journey:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(JourneyShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Remove a journey that no action follows. Raises Conflict that names those that do."""
    with change(by=by, action="journey.delete", subject=f"journey:{slug}", reason=reason) as made:
        row = find(slug)
        if users := following(f"journey:{slug}"):
            names = ", ".join(f"action {action.slug}" for action in users)
            raise Conflict(
                f"Journey {slug} is followed by {names}. Point them elsewhere or delete them first.",
                used_by=[{"kind": "action", "slug": action.slug, "title": action.title} for action in users],
            )
        made.note(document(row), None)
        row.delete()


def put_delay(
    slug: str,
    *,
    reason: str,
    by: Principal,
    delayed: bool = True,
    message: str = "",
    severity: str | None = None,
    expires_in_s: float | None = DEFAULT_S,
) -> JourneyDelay:
    """Say that the journey is delayed, or that it is not, whatever its circuits say (None: until it is cleared)."""
    data = {
        "delayed": delayed,
        "message": message,
        "severity": severity,
        "reason": reason,
        "expires_in_s": expires_in_s,
    }
    stated = checking.fields(DelayShape, data)
    with change(**_named("put", slug, by, stated["reason"])) as made:
        journey = find(slug)
        now = clock.now()
        standing = JourneyDelay.objects.filter(journey=journey).first()
        before = None if standing is None else delay_body(standing)
        row, _ = JourneyDelay.objects.update_or_create(
            journey=journey,
            defaults={
                "delayed": stated["delayed"],
                "message": stated["message"],
                "severity": stated["severity"] or journey.severity,
                "reason": stated["reason"],
                "by": by.name,
                "since": now,
                "expires_at": None if expires_in_s is None else now + timedelta(seconds=expires_in_s),
            },
        )
        made.note(before, delay_body(row))
    return row


def clear_delay(slug: str, *, reason: str, by: Principal) -> None:
    """Back to automatic. Raises NotFound when nobody's word stands."""
    if not reason.strip():
        raise Invalid("A reason is needed.", problems=[FieldProblem("reason", "required", "Say why; it is kept.")])
    with change(**_named("clear", slug, by, reason.strip())) as made:
        row = JourneyDelay.objects.filter(journey=find(slug)).first()
        if row is None or (row.expires_at is not None and row.expires_at <= clock.now()):
            raise NotFound(f"Nobody's word stands on journey {slug}; it is automatic.")
        made.note(delay_body(row), None)
        row.delete()


def expire(now: datetime | None = None) -> list[str]:
    """Remove the words that have expired, and return their journeys. Workers stopped heeding them by themselves."""
    now = now or clock.now()
    ended = []
    for slug in list(JourneyDelay.objects.filter(expires_at__lte=now).values_list("journey__slug", flat=True)):
        with change(**_named("expire", slug, SYSTEM, "The word has expired.")) as made:
            row = JourneyDelay.objects.filter(journey__slug=slug, expires_at__lte=now).first()
            if row is not None:
                made.note(delay_body(row), None)
                row.delete()
                ended.append(slug)
            else:
                made.note({}, {})
    return ended


def find(slug: str) -> Journey:
    row = Journey.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no journey {slug!r}.")
    return row


def _write(row: Journey, stated: Document) -> Journey:
    slugs = stated.get("targets", [])
    known = {target.slug: target for target in Target.objects.filter(slug__in=slugs)}
    unknown = [
        FieldProblem(f"targets[{index}]", "unknown", f"There is no target {slug!r}; register it first.")
        for index, slug in enumerate(slugs)
        if slug not in known
    ]
    if unknown:
        raise Invalid("The journey names targets that are not registered.", problems=unknown)
    row.title = stated.get("title", "")
    row.severity = stated.get("severity", "warning")
    row.raise_at_age_s = stated.get("raise_at_age_s")
    row.raise_at_backlog = stated.get("raise_at_backlog")
    row.clear_on = stated.get("clear_on", "close")
    row.save()
    row.steps.all().delete()
    JourneyTarget.objects.bulk_create(
        JourneyTarget(journey=row, target=known[slug], position=position) for position, slug in enumerate(slugs)
    )
    row.messages.all().delete()
    JourneyMessage.objects.bulk_create(
        JourneyMessage(journey=row, language=language, text=text)
        for language, text in stated.get("messages", {}).items()
    )
    return find(row.slug)


def _named(verb: str, slug: str, by: Principal, reason: str) -> dict[str, Any]:
    return {
        "by": by,
        "action": f"delay.{verb}",
        "subject": f"journey:{slug}",
        "revises": f"delay:{slug}",
        "reason": reason,
    }
