"""Making, changing and removing pipes; stopping and starting them."""

from typing import Any

from django.db.models import QuerySet

from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.models.actions import following
from compositions.documents.pipes import PipeShape, complete, document, write
from compositions.models import Composition, Intent, Pipe, PipeLease, Route
from compositions.models.compositions import WorkflowType
from compositions.models.intents import IntentStatus
from compositions.models.pipes import RunState
from controlplane.config.commit import change
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

LONGEST_REASON = 500


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Pipe, bool]:
    """Make the pipe `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(PipeShape, slug, data)
    with change(by=by, action="pipe.put", subject=f"pipe:{slug}", reason=reason) as made:
        row = rows().filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Pipe(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Pipe:
    """Lay `data` over the pipe's document (RFC 7396)."""
    with change(by=by, action="pipe.patch", subject=f"pipe:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(PipeShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Remove a pipe that no route leads to and whose intents have all ended. Raises Conflict that says what is left."""
    with change(by=by, action="pipe.delete", subject=f"pipe:{slug}", reason=reason) as made:
        row = find(slug)
        users = used_by(slug)
        if users:
            names = ", ".join(f"{user['kind']} {user['slug']}" for user in users)
            text = f"Pipe {slug} is named by {names}. Take it out of them or delete them first."
            raise Conflict(text, used_by=users)
        open_ = Intent.objects.filter(pipe=slug, status__in=(IntentStatus.ACCEPTED, IntentStatus.RUNNING)).count()
        if open_:
            raise Conflict(f"{open_} intents of pipe {slug} have not ended; what was accepted must not be lost.")
        made.note(document(row), None)
        row.delete()
        PipeLease.objects.filter(pipe=slug).delete()


def start(slug: str, *, by: Principal, reason: str) -> Pipe:
    """Let it run. While a required target is open it waits all the same."""
    return _desire(slug, RunState.RUNNING, by=by, reason=reason)


def stop(slug: str, *, by: Principal, reason: str) -> Pipe:
    """Start no more intents until somebody starts it again. What is under way goes on; what is accepted waits."""
    return _desire(slug, RunState.STOPPED, by=by, reason=reason)


def rows() -> QuerySet[Pipe]:
    return Pipe.objects.all()


def find(slug: str) -> Pipe:
    row = rows().filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no pipe {slug!r}.")
    return row


def used_by(slug: str) -> list[dict[str, str]]:
    """The nouns that name a pipe: [{"kind", "slug"}]."""
    leading = Route.objects.filter(pipe__slug=slug).values_list("slug", flat=True)
    actions = [{"kind": "action", "slug": action.slug} for action in following(f"pipe:{slug}")]
    return [*({"kind": "route", "slug": name} for name in leading), *actions]


def check(slug: str, stated: Document) -> None:
    """Raises Invalid when the pipe names what does not exist or cannot serve it."""
    whole = complete(slug, stated)
    problems = [
        *_composition("target", whole["target"], WorkflowType.STANDARD),
        *_composition("enrichment", whole["enrichment"], WorkflowType.EXPRESS),
    ]
    if problems:
        raise Invalid("The pipe names what it cannot use.", problems=problems)


def reason_given(reason: str) -> str:
    given = reason.strip()
    if not given:
        raise Invalid("A reason is needed.", problems=[FieldProblem("reason", "required", "Say why; it is kept.")])
    return given[:LONGEST_REASON]


def _composition(field: str, slug: str | None, wanted: WorkflowType) -> list[FieldProblem]:
    if slug is None:
        return []
    found = Composition.objects.filter(slug=slug).values_list("type", flat=True).first()
    if found is None:
        return [FieldProblem(field, "unknown", f"There is no composition {slug!r}; make it first.")]
    if found != wanted:
        return [FieldProblem(field, "wrong_type", f"Composition {slug} is {found}; a {wanted.value} one is needed.")]
    return []


def _desire(slug: str, state: RunState, *, by: Principal, reason: str) -> Pipe:
    given = reason_given(reason)
    verb = "start" if state == RunState.RUNNING else "stop"
    with change(by=by, action=f"pipe.{verb}", subject=f"pipe:{slug}", reason=given) as made:
        row = find(slug)
        before = document(row)
        if row.desired_state != state:
            row.desired_state, row.desired_reason = state, given
            row.desired_by, row.desired_at = by.name, clock.now()
            row.save()
        made.note(before, document(row))
    return row


def _write(row: Pipe, stated: Document) -> Pipe:
    check(row.slug, stated)
    write(row, stated)
    row.save()
    return find(row.slug)
