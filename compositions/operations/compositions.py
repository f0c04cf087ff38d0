"""Making, changing and removing compositions. Every definition that one ever had is kept as a version."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import Max, Q
from msgspec.structs import replace

from breakers.documents import checking
from breakers.documents.defaults import Document
from compositions import exchange, neighbours, texts
from compositions.callees import callee
from compositions.documents.compositions import EXPRESS, CompositionShape, complete, document
from compositions.models import Composition, CompositionVersion, Execution, Pipe, Route
from compositions.models.executions import ExecutionStatus
from compositions.review import ERROR, Finding, judge, review
from compositions.walking import steps
from controlplane.config.commit import Change, change
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound
from controlplane.kernel.rest import storable

# Of those that name a composition, so many of a kind are listed.
MOST_NAMED = 20


class Checked(NamedTuple):
    """A definition that may be kept: its text, its value, its digest, and what is not advisable in it."""

    text: str
    value: Any
    digest: str
    warnings: list[Finding]


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Composition, bool]:
    """Make the composition `slug` what `data` says; the row, and whether it is new. Raises Invalid with each place."""
    stated = checking.shaped(CompositionShape, slug, data)
    with change(by=by, action="composition.put", subject=f"composition:{slug}", reason=reason) as made:
        row = Composition.objects.filter(slug=slug).first()
        saved = _write(made, row or Composition(slug=slug), stated)
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Composition:
    """Lay `data` over the composition's document (RFC 7396); a definition is replaced as a whole."""
    with change(by=by, action="composition.patch", subject=f"composition:{slug}", reason=reason) as made:
        row = find(slug)
        return _write(made, row, checking.shaped(CompositionShape, slug, merged(row, data)))


def rollback(slug: str, version: int, *, by: Principal, reason: str = "") -> Composition:
    """Let the definition of an earlier version stand again, as a new version."""
    with change(by=by, action="composition.rollback", subject=f"composition:{slug}", reason=reason) as made:
        row = find(slug)
        earlier = find_version(slug, version)
        stated = document(row) | {"type": earlier.type, "definition": earlier.definition}
        if earlier.type != row.type:
            stated["deadline_ms"] = None
        return _write(made, row, stated)


def import_definition(
    slug: str,
    source: Any,
    *,
    type: str = "",
    substitutions: dict[str, str] | None = None,
    by: Principal,
    reason: str = "",
) -> tuple[Composition, bool]:
    """Take over a definition from elsewhere (see exchange); all else of a composition that exists stays as it is."""
    try:
        brought = exchange.read(source, substitutions)
    except exchange.Unreadable as error:
        raise Invalid("The source cannot be read.", problems=[FieldProblem("source", "invalid", str(error))]) from None
    with change(by=by, action="composition.import", subject=f"composition:{slug}", reason=reason) as made:
        row = Composition.objects.filter(slug=slug).first()
        known = {} if row is None else document(row)
        stated = {"title": brought.title, "description": brought.description, **known, "definition": brought.definition}
        stated["type"] = type or brought.type or known.get("type", EXPRESS)
        if stated["type"] != known.get("type"):
            stated["deadline_ms"] = None
        saved = _write(made, row or Composition(slug=slug), checking.shaped(CompositionShape, slug, stated))
    return saved, row is None


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Remove a composition that nothing names; its versions are kept. Raises Conflict that says what names it."""
    with change(by=by, action="composition.delete", subject=f"composition:{slug}", reason=reason) as made:
        row = find(slug)
        users = used_by(slug)
        if users:
            names = ", ".join(f"{user['kind']} {user['slug']}" for user in users)
            text = f"Composition {slug} is named by {names}. Point them elsewhere or delete them first."
            raise Conflict(text, used_by=users)
        made.note(document(row), None)
        row.delete()


def find(slug: str) -> Composition:
    row = Composition.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no composition {slug!r}.")
    return row


def find_version(slug: str, number: int) -> CompositionVersion:
    row = CompositionVersion.objects.filter(composition=slug, number=number).first()
    if row is None:
        raise NotFound(f"There is no version {number} of composition {slug!r}.")
    return row


def merged(row: Composition, patch: Any) -> Any:
    """A patch laid over the row's document; null in a definition is a value, so it is not merged but replaced."""
    if not isinstance(patch, dict) or "definition" not in patch:
        return checking.merged(document(row), patch)
    rest = {name: value for name, value in patch.items() if name != "definition"}
    return {**checking.merged(document(row), rest), "definition": patch["definition"]}


def check(slug: str, stated: Document) -> Checked:
    """The definition of a stated document. Raises Invalid with each place that is wrong."""
    whole = complete(slug, stated)
    definition = whole["definition"]
    terms = {name: whole[name] for name in ("type", "deadline_ms", "meta")}
    findings = judge(definition, neighbours.around(), slug=slug, **terms)
    errors = [finding for finding in findings if finding.severity == ERROR]
    if errors:
        raise Invalid("The definition cannot be used.", problems=[_problem(error) for error in errors])
    value = texts.read(definition)
    try:
        digest = texts.digest(value)
    except ValueError:
        raise _unstorable("A number is too large; write one that a double can hold.") from None
    if not storable(value):
        raise _unstorable("A text has NUL or half a surrogate pair; leave it out.")
    return Checked(texts.written(definition), value, digest, findings)


# Who may name a composition: each takes its slug and gives (kind, slug) of those that do.
def _routes(slug: str) -> list[tuple[str, str]]:
    return [("route", name) for name in Route.objects.filter(composition__slug=slug).values_list("slug", flat=True)]


def _compositions(slug: str) -> list[tuple[str, str]]:
    found = neighbours.around().compositions.values()
    return [
        ("composition", other.slug)
        for other in found
        if other.slug != slug
        and any((called := callee(step.raw, {})) and called.composition == slug for step in steps(other.definition))
    ]


def _pipes(slug: str) -> list[tuple[str, str]]:
    named = Pipe.objects.filter(Q(target=slug) | Q(enrichment=slug))
    return [("pipe", name) for name in named.values_list("slug", flat=True)]


def _executions(slug: str) -> list[tuple[str, str]]:
    running = Execution.objects.filter(composition=slug, status=ExecutionStatus.RUNNING).order_by("pk")[:MOST_NAMED]
    return [("execution", id) for id in running.values_list("pk", flat=True)]


USERS: tuple[Callable[[str], list[tuple[str, str]]], ...] = (_routes, _compositions, _pipes, _executions)


def used_by(slug: str) -> list[dict[str, str]]:
    """The nouns that name a composition: [{"kind", "slug"}]."""
    return [{"kind": kind, "slug": name} for users in USERS for kind, name in users(slug)]


def _write(made: Change, row: Composition, stated: Document) -> Composition:
    before = None if row.pk is None else document(row)
    whole = complete(row.slug, stated)
    checked = check(row.slug, whole)
    _keep_routes(row, whole["type"])
    _keep_pipes(row, whole["type"])
    _keep_callers(row, whole["type"])
    # What GET gave may be put back: a definition that only lost its layout keeps it, and is no new version.
    laid_out = isinstance(whole["definition"], str) and checked.text != row.definition
    if row.pk is None or laid_out or (checked.digest, whole["type"]) != (row.digest, row.type):
        row.definition, row.digest = checked.text, checked.digest
        row.version = _version(made, row, whole["type"])
    for name in ("title", "description", "tags", "type", "deadline_ms", "max_stale_s", "meta"):
        setattr(row, name, whole[name])
    row.save()
    saved = find(row.slug)
    made.note(before, document(saved))
    return saved


def _version(made: Change, row: Composition, workflow: str) -> int:
    """Keep the definition as the next version."""
    kept = CompositionVersion.objects.filter(composition=row.slug).aggregate(newest=Max("number"))["newest"] or 0
    CompositionVersion.objects.create(
        composition=row.slug,
        number=kept + 1,
        type=workflow,
        definition=row.definition,
        digest=row.digest,
        by=made.by.name,
        reason=made.reason,
        created_at=clock.now(),
    )
    return kept + 1


def _keep_routes(row: Composition, workflow: str) -> None:
    """A route answers at once, which only EXPRESS can."""
    names = [] if row.pk is None or workflow == EXPRESS else [name for _, name in _routes(row.slug)]
    if names:
        text = f"Route {', '.join(names)} answers with it, which needs EXPRESS. Point it elsewhere first."
        raise Invalid("A route needs this composition.", problems=[FieldProblem("type", "in_use", text)])


def _keep_pipes(row: Composition, workflow: str) -> None:
    """A pipe starts a STANDARD workflow, and lets an EXPRESS one enrich its intents."""
    if row.pk is None or workflow == row.type:
        return
    if names := [name for _, name in _pipes(row.slug)]:
        text = f"Pipe {', '.join(names)} needs it to be {row.type}. Point it elsewhere first."
        raise Invalid("A pipe needs this composition.", problems=[FieldProblem("type", "in_use", text)])


def _keep_callers(row: Composition, workflow: str) -> None:
    """Compositions that run it do so in a way that its type allows."""
    if row.pk is None or workflow == row.type:
        return
    around = neighbours.around()
    changed = {**around.compositions, row.slug: around.compositions[row.slug]._replace(type=workflow)}
    for _, name in _compositions(row.slug):
        caller = around.compositions[name]
        found = review(caller.definition, replace(around, compositions=changed), slug=name, type=caller.type)
        if errors := [finding.message for finding in found if finding.severity == ERROR]:
            text = f"Composition {name} runs it: {errors[0]}"
            raise Invalid("Another composition needs this one.", problems=[FieldProblem("type", "in_use", text)])


def _problem(error: Finding) -> FieldProblem:
    place = "" if error.path == "/" else error.path
    return FieldProblem(f"definition{place}", error.code, error.message, error.line, error.column)


def _unstorable(text: str) -> Invalid:
    return Invalid("The definition cannot be kept.", problems=[FieldProblem("definition", "invalid", text)])
